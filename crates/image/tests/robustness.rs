//! Reading never panics, never loops and takes memory in proportion to the file, whatever the bytes.

mod checks;

use ringfence_fixture::{driver, malformed, variants};
use ringfence_image::{Image, NotAnImage};

/// Xorshift: the same changes in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }
}

#[test]
fn malformed_images_are_walked() {
    for (name, bytes) in malformed() {
        println!("{name}");
        checks::walk(&bytes);
    }
}

/// What is malformed is told: these shapes harm nothing else that would give them away.
#[test]
fn malformations_are_told() {
    let quiet = [
        "debug-size-odd",
        "pdb-cut-in-guid",
        "version-strings-cut",
        "version-length-zero",
        "pdata-outside",
        "pdata-end-before-begin",
        "relocation-outside-image",
        "relocation-directory-odd",
        "relocation-block-cut",
        "iat-outside",
        "chpe-pointer-outside",
    ];
    let all = malformed();
    for wanted in quiet {
        let (_, bytes) = all.iter().find(|(name, _)| *name == wanted).unwrap();
        assert!(!Image::read(bytes).unwrap().defects().is_empty(), "{wanted}");
    }
}

/// A file may end anywhere; the headers are tried byte by byte.
#[test]
fn files_that_end_early() {
    let mut random = Random(0x5EED);
    for (name, bytes) in variants() {
        println!("{name}");
        let within_headers = 0..bytes.len().min(0x400);
        let anywhere: Vec<_> = (0..100).map(|_| random.below(bytes.len())).collect();
        for length in within_headers.chain(anywhere) {
            checks::walk(&bytes[..length]);
        }
    }
}

/// Bytes anywhere, but for half of the time in the headers, where they do most.
#[test]
fn bytes_that_are_changed() {
    let mut random = Random(0xB17);
    for (name, bytes) in variants() {
        println!("{name}");
        for _ in 0..200 {
            let mut bent = bytes.clone();
            for _ in 0..=random.below(6) {
                let end = if random.below(2) == 0 { 0x400 } else { bent.len() };
                bent[random.below(end)] = random.below(256) as u8;
            }
            checks::walk(&bent);
        }
    }
}

/// Words of the headers and of the tables behind them, replaced by what is hard to add up.
#[test]
fn words_that_are_extreme() {
    for (name, bytes) in variants().into_iter().filter(|(name, _)| name.starts_with("full")) {
        println!("{name}");
        for at in (0..bytes.len().min(0x3000) - 4).step_by(4) {
            for word in [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF8, u32::MAX] {
                let mut bent = bytes.clone();
                bent[at..at + 4].copy_from_slice(&word.to_le_bytes());
                checks::walk(&bent);
            }
        }
    }
}

/// The bytes may begin at any address: nothing is read as if it were aligned.
#[test]
fn an_odd_address_makes_no_difference() {
    for (name, bytes) in variants().into_iter().chain(malformed()) {
        let told = |bytes: &[u8]| match Image::read(bytes) {
            Ok(image) => format!("{:?} {:?}", image.headers(), image.defects()),
            Err(reason) => format!("{reason:?}"),
        };
        let mut moved = vec![0];
        moved.extend(&bytes);
        assert_eq!(told(&moved[1..]), told(&bytes), "{name}");
    }
}

/// What is read of a file takes no more memory than a few times its length.
#[test]
fn counts_do_not_exceed_the_file() {
    for (name, bytes) in malformed() {
        let Ok(image) = Image::read(&bytes) else { continue };
        let imports = image.imports();
        let kept = imports.len()
            + imports.modules.len()
            + image.sections().len()
            + image.certificates().len()
            + image.debug().types.len()
            + image.rich().map_or(0, |rich| rich.tools.len())
            + image.version().map_or(0, |version| version.strings.len());
        assert!(kept <= bytes.len() / 2 && image.defects().len() < 400, "{name}: {kept}");
    }
}

#[test]
fn what_is_no_image_says_what_it_is() {
    assert_eq!(Image::read(&[]).unwrap_err(), NotAnImage::Empty);
    let bytes = driver().bytes();
    let cut = Image::read(&bytes[..0x90]).unwrap_err();
    assert!(matches!(cut, NotAnImage::Truncated { header: "file header", .. }), "{cut}");
}
