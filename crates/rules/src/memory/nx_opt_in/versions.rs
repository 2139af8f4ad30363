//! Opt-ins that look at the version of Windows and store something on older ones as well.

use crate::code::tests::calling_in;
use ringfence_finding::Answer;

const MAJOR: u8 = 0x24;
const BUILD: u8 = 0x2C;
/// `setae al`, and where the version's number is less, `setb al`.
const NOT_LESS: u8 = 0x93;
const LESS: u8 = 0x92;

/// The entry point, which asks Windows for its version, up to what a test lets it do then.
struct Entry(Vec<u8>);

impl Entry {
    /// The address behind the next `length` bytes: the call before takes four more.
    fn behind(&self, length: usize) -> u32 {
        0x101A + (self.0.len() + length) as u32
    }

    fn code(mut self, bytes: &[u8]) -> Entry {
        self.0.extend(bytes);
        self
    }

    /// An instruction with the distance to the variable, and what stands behind that.
    fn on_variable(self, code: &[u8], behind: &[u8]) -> Entry {
        let distance = 0x3008_u32.wrapping_sub(self.behind(code.len() + 4 + behind.len()));
        self.code(code).code(&distance.to_le_bytes()).code(behind)
    }

    /// `mov dword ptr [3008h], number`: ten bytes.
    fn store(self, number: u32) -> Entry {
        self.on_variable(&[0xC7, 0x05], &number.to_le_bytes())
    }

    /// `cmp dword ptr [rsp + field], number`.
    fn compare(self, field: u8, number: u32) -> Entry {
        self.code(&[0x81, 0x7C, 0x24, field]).code(&number.to_le_bytes())
    }

    /// `jae` over the next `length` bytes.
    fn skip_if_not_less(self, length: u8) -> Entry {
        self.code(&[0x73, length])
    }

    fn skip_if_less(self, length: u8) -> Entry {
        self.code(&[0x72, length])
    }

    /// `eax` is 512 where the comparison says so, and otherwise 0.
    fn choose(self, field: u8, number: u32, set: u8) -> Entry {
        let cleared = self.code(&[0x31, 0xC0]).compare(field, number);
        cleared.code(&[0x0F, set, 0xC0, 0xC1, 0xE0, 9])
    }

    fn store_chosen(self) -> Entry {
        self.on_variable(&[0x89, 0x05], &[])
    }

    /// What is said where memory of the variable's type is requested in the end.
    fn requests_of_variable(self) -> (Answer, Vec<String>) {
        self.on_variable(&[0x8B, 0x0D], &[]).requests()
    }

    /// What is said where memory of the type in `ecx` is requested in the end.
    fn requests(self) -> (Answer, Vec<String>) {
        let asks = [
            &[0x48, 0x81, 0xEC, 0x48, 1, 0, 0][..],   // sub rsp, 148h
            &[0xC7, 0x44, 0x24, 0x20, 0x14, 1, 0, 0], // mov dword ptr [rsp+20h], 114h
            &[0x48, 0x8D, 0x4C, 0x24, 0x20],          // lea rcx, [rsp+20h]
            &[0xFF, 0x15],                            // call [RtlGetVersion]
        ];
        let requests = self.code(&[0xFF, 0x15]); // call [ExAllocatePoolWithTag]
        let end = requests.behind(4 + 8) - 0x1000;
        let told = calling_in(
            &["RtlGetVersion", "ExAllocatePoolWithTag"],
            &[&asks.concat(), &requests.0],
            &[&[], &[0x48, 0x81, 0xC4, 0x48, 1, 0, 0, 0xC3]], // add rsp, 148h; ret
            // Version 1, and a prolog that makes room for 148h.
            &[(0..end, [1, 7, 2, 0, 7, 1, 0x29, 0])],
        );
        let said = told.findings.iter().map(|finding| finding.message.clone()).collect();
        (told.verdict.certify, said)
    }
}

fn entry() -> Entry {
    Entry(Vec::new())
}

fn opts_in() -> (Answer, Vec<String>) {
    let said = "opts in to non-executable pool: the variable is set up before the call that takes PoolType from it";
    (Answer::Yes, vec![said.to_owned()])
}

#[test]
fn what_is_stored_on_older_windows_alone_does_not_count() {
    let older = entry().store(512).compare(MAJOR, 10).skip_if_not_less(10).store(0);
    assert_eq!(older.requests_of_variable(), opts_in());
    let by_build = entry().compare(BUILD, 9200).skip_if_not_less(12).store(0);
    let by_build = by_build.code(&[0xEB, 10]).store(512); // jmp over the other store
    assert_eq!(by_build.requests_of_variable(), opts_in());
    let chosen = entry().choose(MAJOR, 10, NOT_LESS).store_chosen();
    assert_eq!(chosen.requests_of_variable(), opts_in());
}

#[test]
fn what_is_stored_over_at_once_does_not_count() {
    let newer = entry().store(0).compare(MAJOR, 10).skip_if_less(10).store(512);
    assert_eq!(newer.requests_of_variable(), opts_in());
    // Not where memory is requested between the two: `mov ecx, [3008h]`, of which the request is in the end.
    let between = entry().store(0).on_variable(&[0x8B, 0x0D], &[]);
    let (certify, said) = between.store(512).requests();
    assert_ne!(certify, Answer::Yes, "{said:?}");
}

#[test]
fn what_is_chosen_by_the_version_and_used_at_once_is_what_it_is_there() {
    let copied = entry().choose(MAJOR, 10, NOT_LESS).code(&[0x89, 0xC1]); // mov ecx, eax
    assert_eq!(copied.requests(), (Answer::Yes, Vec::new()));
    let wrong = entry().choose(MAJOR, 10, LESS).code(&[0x89, 0xC1]);
    assert_eq!(wrong.requests().0, Answer::No);
}

/// Windows 10 calls itself 10.0, Windows 11 is 10.0 from build 22000 on.
#[test]
fn what_is_stored_on_newer_windows_alone_leaves_the_older_ones() {
    let wrong = entry().store(512).compare(MAJOR, 10).skip_if_less(10).store(0);
    assert_ne!(wrong.requests_of_variable().0, Answer::Yes);
    let later = entry().choose(BUILD, 22000, NOT_LESS).store_chosen();
    let (certify, said) = later.requests_of_variable();
    assert_eq!(certify, Answer::No, "{said:?}");
    assert!(said.iter().any(|one| one.contains("on some Windows versions only")), "{said:?}");
}
