//! `[[accept]]`: findings that the user accepts.

use super::place::{BadSetting, DAY, Entry};
use super::{meant, text};
use crate::{Acceptance, Date, Explanation, Function, PathPattern, explain, rule_cards};
use toml::de::DeValue;

/// What an acceptance may say.
const KEYS: [&str; 7] = ["rule", "sha256", "path", "function", "ddi", "reason", "until"];

/// All acceptances of the file.
pub(super) fn all(entry: &Entry<'_>) -> Result<Vec<Acceptance>, BadSetting> {
    entry.tables()?.into_iter().map(|(line, entries)| one(line, &entries)).collect()
}

fn one(line: usize, entries: &[Entry<'_>]) -> Result<Acceptance, BadSetting> {
    let (mut rule, mut reason) = (None, None);
    let (mut sha256, mut path, mut function, mut ddi, mut until) = (None, None, None, None, None);
    let mut function_entry = None;
    for entry in entries {
        match entry.key() {
            "rule" => rule = Some(entry.parsed("a rule", rule_id)?),
            "reason" => reason = Some(entry.parsed("a reason", reason_text)?),
            "sha256" => sha256 = Some(entry.parsed("a digest", digest)?),
            "path" => path = Some(entry.parsed("a pattern", PathPattern::new)?),
            "function" => {
                function = Some(entry.parsed("a function", function_named)?);
                function_entry = Some(entry);
            }
            "ddi" => ddi = Some(entry.parsed("a DDI", ddi_name)?),
            "until" => until = Some(day(entry)?),
            unknown => {
                let message = format!("an acceptance has no `{unknown}`");
                return Err(entry.unknown_key(&message, &KEYS));
            }
        }
    }
    let missing = |what: &str| Entry::wrong_table(line, format!("this acceptance {what}"));
    let rule = rule.ok_or_else(|| missing("names no `rule`"))?;
    let reason = reason.ok_or_else(|| missing("gives no `reason`"))?;
    if sha256.is_none() && path.is_none() && function.is_none() {
        return Err(missing("is for every driver; say which by `sha256`, `path` or `function`"));
    }
    if let (Some(Function::At(_)), Some(entry), None) = (&function, function_entry, &sha256) {
        // In the next build another function may begin there.
        return Err(entry.wrong(
            "a function's address needs the driver's `sha256`, as it is for one build only",
        ));
    }
    Ok(Acceptance { rule, sha256, path, function, ddi, reason, until, line: Some(line) })
}

fn rule_id(name: &str) -> Result<&'static str, String> {
    if let Some(card) = rule_cards().find(|card| card.id == name) {
        return Ok(card.id);
    }
    // Bug checks and counters stand for several rules, so they only lead to one.
    let known = explain(name).ok().and_then(|found| match found.first() {
        Some(Explanation::Rule(card)) => Some(card.id),
        _ => None,
    });
    let others = "`ringfence list rules` names those there are";
    let meant = match known {
        Some(id) => format!(", did you mean `{id}`?"),
        None => meant(name, rule_cards().map(|card| card.id), others),
    };
    Err(format!("no rule is called `{name}`{meant}"))
}

fn ddi_name(name: &str) -> Result<&'static str, String> {
    ringfence_ddi::named(name).map(|ddi| ddi.name).ok_or_else(|| {
        let known = ringfence_ddi::all().iter().map(|ddi| ddi.name);
        let others = "`ringfence list ddis` names those there are";
        format!("no DDI is called `{name}`{}", meant(name, known, others))
    })
}

fn reason_text(reason: &str) -> Result<String, String> {
    match reason.trim() {
        "" => Err("a reason cannot be empty".to_owned()),
        reason => Ok(reason.to_owned()),
    }
}

fn digest(digest: &str) -> Result<String, String> {
    match digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(digest.to_ascii_lowercase()),
        false => Err("a SHA-256 has 64 hexadecimal digits".to_owned()),
    }
}

fn function_named(name: &str) -> Result<Function, String> {
    match name.strip_prefix("0x").or_else(|| name.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16)
            .map(Function::At)
            .map_err(|_| "not an address such as 0x1a2b, relative to the image base".to_owned()),
        None => text(name).map(Function::Named),
    }
}

fn day(entry: &Entry<'_>) -> Result<Date, BadSetting> {
    let day = match entry.value() {
        DeValue::Datetime(day) if day.time.is_none() => {
            day.date.and_then(|date| Date::new(date.year, date.month, date.day))
        }
        _ => None,
    };
    day.ok_or_else(|| entry.wrong(DAY))
}
