//! What holds of settings files and of reports that are read back, whatever the bytes; fuzzing asserts the same.

use ringfence::import::{self, Imported};
use ringfence::{Baseline, Configuration, NotRecorded, read_recorded, rule_cards};

/// Reads `text` as a settings file.
pub fn settings(text: &str) {
    match Configuration::parse(text) {
        Ok(configuration) => {
            let lines = text.matches('\n').count() + 1;
            for acceptance in configuration.accept {
                assert!(rule_cards().any(|card| card.id == acceptance.rule));
                assert!(!acceptance.reason.trim().is_empty());
                assert!(acceptance.line.is_some_and(|line| (1..=lines).contains(&line)));
                let narrows = [
                    acceptance.sha256.is_some(),
                    acceptance.path.is_some(),
                    acceptance.function.is_some(),
                ];
                assert!(narrows.contains(&true));
            }
        }
        Err(wrong) => {
            assert!(!wrong.message.is_empty() && wrong.column > 0);
            let line = text.split('\n').nth(wrong.line - 1).expect("the line is one of the text");
            assert!(wrong.column <= line.chars().count() + 1, "{wrong}");
        }
    }
}

/// Reads `bytes` as a report of an earlier run.
pub fn recorded(bytes: &[u8]) {
    let mut baseline = Baseline::default();
    let mut told = 0;
    let result = read_recorded(bytes, |driver| {
        told += 1;
        baseline.add(driver);
    });
    match result {
        Ok(scan) => assert_eq!(scan.drivers, told),
        Err(NotRecorded::Malformed { line, reason, .. }) => {
            // UTF-16 that is none has no line.
            assert!(line <= bytes.iter().filter(|&&byte| byte == b'\n').count() + 1);
            assert!(!reason.is_empty());
        }
        Err(NotRecorded::Unreadable(unreadable)) => panic!("no file was read: {unreadable}"),
    }
}

/// Reads `bytes` as what Windows said.
pub fn imported(bytes: &[u8]) {
    match import::read(bytes) {
        Ok(Imported::Query(query)) => {
            for module in query.modules {
                assert!(!module.name.trim().is_empty());
                for counter in module.counters.keys() {
                    assert!(!import::of_counter(*counter).is_empty());
                }
            }
        }
        Ok(Imported::Dump(dump)) => {
            for driver in dump.drivers.iter().flatten() {
                assert!(driver.path.as_ref().is_none_or(|path| !path.is_empty()));
            }
            for address in dump.parameters {
                let Some((driver, offset)) = dump.place(address) else { continue };
                assert!(offset < driver.size && driver.base + u64::from(offset) == address);
            }
            if let Some(meaning) = import::meaning(&dump) {
                // No rule is about reads, which the hypervisor forbids as well.
                assert!(!meaning.rules.is_empty() || dump.code == 0x18D);
                let address = meaning.address_in(&dump);
                assert!(address.is_none_or(|address| dump.parameters.contains(&address)));
            }
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
}
