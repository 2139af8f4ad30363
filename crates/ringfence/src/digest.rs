//! The digests that identify a driver.

use ringfence_finding::{Authentihash, Digests};
use ringfence_image::SignedRanges;
use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::ops::Range;

/// The digests of a file, and its SHA-256 in raw form to look it up by.
pub(crate) struct Computed {
    pub(crate) digests: Digests,
    pub(crate) sha256: [u8; 32],
}

/// The bytes go through all three digests block by block, so that each is fetched from memory once.
const BLOCK: usize = 16 << 10;

/// Computes SHA-256 over the file, and SHA-1 and SHA-256 over what a signature covers.
pub(crate) fn compute(bytes: &[u8], signed: Option<&SignedRanges>) -> Computed {
    let mut file = Sha256::new();
    let (mut sha1, mut sha256) = (Sha1::new(), Sha256::new());
    for (number, block) in bytes.chunks(BLOCK).enumerate() {
        file.update(block);
        let start = number * BLOCK;
        for range in signed.iter().flat_map(|signed| &signed.ranges) {
            let part = &block[within(range, start, block.len())];
            sha1.update(part);
            sha256.update(part);
        }
    }
    let authentihash = signed.map(|signed| {
        let padding = &[0; 8][..signed.padding];
        sha1.update(padding);
        sha256.update(padding);
        Authentihash { sha1: hex(&sha1.finalize()), sha256: hex(&sha256.finalize()) }
    });
    let whole: [u8; 32] = file.finalize().into();
    Computed { digests: Digests { sha256: Some(hex(&whole)), authentihash }, sha256: whole }
}

/// The part of `range` that lies in the block of `length` bytes at `start`, as seen from its start.
fn within(range: &Range<usize>, start: usize, length: usize) -> Range<usize> {
    let clamp = |place: usize| place.saturating_sub(start).min(length);
    clamp(range.start)..clamp(range.end)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_fixture::driver;
    use ringfence_image::Image;

    fn computed(bytes: &[u8]) -> Digests {
        let image = Image::read(bytes).unwrap();
        compute(bytes, image.signed_ranges()).digests
    }

    #[test]
    fn the_whole_file_as_sha256sum_has_it() {
        // SHA-256 of the empty message and of "abc", from FIPS 180.
        let known = [
            (&b""[..], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ];
        for (bytes, digest) in known {
            assert_eq!(compute(bytes, None).digests.sha256.as_deref(), Some(digest));
        }
    }

    #[test]
    fn blocks_make_no_difference() {
        let large = driver()
            .edit_section(".data", |data| {
                data.bytes((0..70_000_u32).map(|n| n as u8).collect::<Vec<_>>())
            })
            .bytes();
        let image = Image::read(&large).unwrap();
        let signed = image.signed_ranges().unwrap();
        let joined: Vec<u8> = signed
            .ranges
            .iter()
            .flat_map(|range| &large[range.clone()])
            .copied()
            .chain(std::iter::repeat_n(0, signed.padding))
            .collect();
        let authentihash = computed(&large).authentihash.unwrap();
        assert_eq!(authentihash.sha256, hex(&Sha256::digest(&joined)));
        assert_eq!(authentihash.sha1, hex(&Sha1::digest(&joined)));
    }

    /// What signing and checksumming change is no part of the signed bytes; everything else is.
    #[test]
    fn only_the_signed_bytes_matter() {
        let unsigned = driver().bytes();
        let signed =
            driver().certificate_table(ringfence_fixture::win_certificate(&[0x30; 40])).bytes();
        let rechecked = driver().checksum(0x1234).bytes();
        let touched = driver().edit_section(".data", |data| data.bytes([9; 16])).bytes();
        let digest = |bytes: &[u8]| computed(bytes).authentihash.unwrap().sha256;
        assert_eq!(digest(&unsigned), digest(&signed));
        assert_eq!(digest(&unsigned), digest(&rechecked));
        assert_ne!(digest(&unsigned), digest(&touched));
        assert_ne!(computed(&unsigned).sha256, computed(&signed).sha256);
    }

    /// A file whose length is no multiple of eight has the digest of the padded file.
    #[test]
    fn an_unsigned_file_is_padded() {
        let mut odd = driver().bytes();
        odd.extend([1, 2, 3]);
        let mut padded = odd.clone();
        padded.extend([0; 5]);
        assert_eq!(computed(&odd).authentihash, computed(&padded).authentihash);
    }
}
