//! What somebody may have meant who typed a name that nothing has.

/// More suggestions than this are no help.
const MOST: usize = 3;

/// A name this much like what was typed is worth suggesting.
const ALIKE: f64 = 0.7;

/// A name that has all of what was typed, and more.
const CONTAINED: f64 = 0.8;

/// The best one is that far ahead of others that are told beside it.
const AHEAD: f64 = 0.12;

/// Where only a letter or two are wrong, what else looks like it is not meant.
const TYPO: f64 = 0.85;
const AHEAD_OF_TYPO: f64 = 0.06;

/// Fewer letters are part of too many names to mean one of them.
const TELLING_PART: usize = 5;

/// And fewer begin too many words.
const TELLING_WORD: usize = 3;

/// The names among `known` that look like `typed`, best first; at most three.
///
/// A name looks like it by its letters, or where all words of `typed` begin words of it, or where
/// `typed` is a part of it.
pub fn similar<'n>(typed: &str, known: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let typed = typed.to_lowercase();
    let mut ranked: Vec<(f64, &str)> = Vec::new();
    for name in known {
        let likeness = likeness(&name.to_lowercase(), &typed);
        if likeness >= ALIKE && ranked.iter().all(|(_, other)| *other != name) {
            ranked.push((likeness, name));
        }
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best = ranked.first().map_or(0.0, |(likeness, _)| *likeness);
    let ahead = if best >= TYPO { AHEAD_OF_TYPO } else { AHEAD };
    let close = ranked.into_iter().take_while(|(likeness, _)| *likeness >= best - ahead);
    close.map(|(_, name)| name).take(MOST).collect()
}

/// From 0 to 1, both in lower case.
fn likeness(known: &str, typed: &str) -> f64 {
    let letters = strsim::normalized_damerau_levenshtein(known, typed);
    // Of names alike by letters, the one that begins alike is meant.
    let letters = letters + 0.01 * f64::from(u8::from(begins_alike(known, typed)));
    let share = typed.chars().count() as f64 / known.chars().count().max(1) as f64;
    let contained = CONTAINED + 0.1 * share.min(1.0);
    let is_part = typed.chars().count() >= TELLING_PART && known.contains(typed);
    if is_part || has_words(known, typed) { letters.max(contained) } else { letters }
}

fn begins_alike(known: &str, typed: &str) -> bool {
    known.chars().zip(typed.chars()).take(TELLING_PART).all(|(a, b)| a == b)
}

/// Whether every word of `typed` begins a word of `known`.
fn has_words(known: &str, typed: &str) -> bool {
    let words = |text| str::split(text, |c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    let telling = words(typed).any(|word| word.len() >= TELLING_WORD);
    telling && words(typed).all(|word| words(known).any(|other| other.starts_with(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] = [
        "executable-pool-type",
        "executable-pool-flags",
        "executable-heap",
        "ExAllocatePool",
        "ExAllocatePool2",
        "IMiniportMidi::NewStream",
        "win10-1703",
    ];

    #[test]
    fn letters_that_are_wrong_missing_or_swapped_are_seen() {
        for (typed, meant) in [
            ("ExAlocatePool", &["ExAllocatePool"][..]),
            ("ExAllocatePool4", &["ExAllocatePool", "ExAllocatePool2"]),
            ("executable-paep", &["executable-heap"]),
            ("win10-1073", &["win10-1703"]),
            ("win10-1706", &["win10-1703"]),
        ] {
            let mut found = similar(typed, NAMES);
            found.sort_unstable();
            assert_eq!(found, meant, "{typed}");
        }
    }

    #[test]
    fn words_and_parts_are_seen() {
        assert_eq!(similar("executable pool", NAMES), NAMES[..2]);
        assert_eq!(similar("pool", NAMES), NAMES[..2]);
        assert_eq!(similar("newstream", NAMES), ["IMiniportMidi::NewStream"]);
    }

    #[test]
    fn what_looks_like_nothing_gets_nothing() {
        for typed in ["zzz", "", "-", "e", "NonPagedPool"] {
            assert_eq!(similar(typed, NAMES[3..].iter().copied()), [""; 0], "{typed}");
        }
    }

    #[test]
    fn a_name_is_told_once() {
        assert_eq!(similar("win10-1704", ["win10-1703", "win10-1703"]), ["win10-1703"]);
    }
}
