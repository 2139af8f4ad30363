//! The certificate table, and the bytes that an Authenticode signature covers.

use crate::defect::{Defects, Problem, Structure};
use crate::headers::{DirectoryIndex, HeaderField};
use crate::{DataDirectory, FileOffset, Headers};
use std::ops::Range;

/// One entry of the certificate table, `WIN_CERTIFICATE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate<'data> {
    /// Revision; 0x0200 is the usual one.
    pub revision: u16,
    /// Type; 2 is PKCS #7.
    pub kind: u16,
    /// The certificate's own bytes.
    pub bytes: &'data [u8],
}

/// Header of `WIN_CERTIFICATE`: length, revision, type.
const ENTRY_HEADER: usize = 8;

/// The entries of the certificate table at `directory`, whose address is a file offset.
pub(crate) fn read<'data>(
    bytes: &'data [u8],
    directory: DataDirectory,
    defects: &mut Defects,
) -> Vec<Certificate<'data>> {
    let start = directory.rva.0 as usize;
    let there = bytes.get(start..).unwrap_or_default();
    let wanted = directory.size as usize;
    if there.len() < wanted {
        let problem = Problem::Truncated { wanted: wanted as u64, present: there.len() as u64 };
        defects.in_file(Structure::CertificateTable, problem, start as u64);
    }
    let mut rest = &there[..there.len().min(wanted)];
    let mut certificates = Vec::new();
    while let [l0, l1, l2, l3, r0, r1, t0, t1, ..] = *rest {
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let Some(body) = rest.get(ENTRY_HEADER..length) else {
            let at = start + wanted.min(there.len()) - rest.len();
            defects.in_file(
                Structure::CertificateTable,
                Problem::BadSize(length as u64),
                at as u64,
            );
            break;
        };
        let (revision, kind) = (u16::from_le_bytes([r0, r1]), u16::from_le_bytes([t0, t1]));
        certificates.push(Certificate { revision, kind, bytes: body });
        // Entries begin on multiples of eight bytes.
        rest = rest.get(length.next_multiple_of(8)..).unwrap_or_default();
    }
    certificates
}

/// The parts of a file that an Authenticode signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRanges {
    /// The ranges to hash, in order.
    pub ranges: [Range<usize>; 4],
    /// How many zero bytes to hash after them: an unsigned file is padded to a multiple of eight
    /// before it is signed, so its digest is that of the padded file.
    pub padding: usize,
}

/// Works out the hashed ranges: everything but the checksum, the certificate table's directory
/// entry and the table itself.
///
/// `None`, with a defect told, where the table lies past the end of the file, is shorter than its
/// own header, or overlaps the image's headers: no signing tool hashes such a file.
pub(crate) fn signed_ranges(
    length: usize,
    headers: &Headers,
    table: Option<DataDirectory>,
    has_directory: bool,
    defects: &mut Defects,
) -> Option<SignedRanges> {
    let checksum = offset(headers.field(HeaderField::CheckSum))?;
    let entry = offset(headers.data_directories())? + DirectoryIndex::Certificate as usize * 8;
    let entry_end = if has_directory { entry + 8 } else { entry };
    let (start, end) = match table {
        None => (length, length),
        Some(DataDirectory { rva, size }) => {
            let start = rva.0 as usize;
            // Where addresses have 32 bits, the sum may not fit.
            let end = start.saturating_add(size as usize);
            let problem = if size < ENTRY_HEADER as u32 {
                Some(Problem::BadSize(size.into()))
            } else if start < entry_end {
                Some(Problem::Overlapping)
            } else {
                (end > length).then_some(Problem::PointsOutside)
            };
            if let Some(problem) = problem {
                defects.in_file(Structure::CertificateTable, problem, start as u64);
                return None;
            }
            (start, end)
        }
    };
    // Without a certificate entry there is nothing to leave out there.
    let ranges =
        [0..checksum, checksum + 4..entry.min(length), entry_end.min(length)..start, end..length];
    let padding = if table.is_none() { length.next_multiple_of(8) - length } else { 0 };
    ranges.iter().all(|range| range.start <= range.end).then_some(SignedRanges { ranges, padding })
}

fn offset(place: FileOffset) -> Option<usize> {
    usize::try_from(place.0).ok()
}

#[cfg(test)]
mod tests {
    use crate::{Image, Problem};
    use ringfence_fixture::driver;

    #[test]
    fn an_unsigned_file_is_hashed_as_if_padded() {
        let mut bytes = driver().bytes();
        bytes.extend([1, 2, 3]);
        let image = Image::read(&bytes).unwrap();
        let signed = image.signed_ranges().unwrap();
        assert_eq!(signed.padding, 8 - bytes.len() % 8);
        let hashed: usize = signed.ranges.iter().map(|range| range.len()).sum();
        assert_eq!(hashed, bytes.len() - 4 - 8);
    }

    #[test]
    fn a_table_past_the_end_leaves_no_digest() {
        let bytes = driver().directory(4, 0x00FF_0000, 0x100).bytes();
        let image = Image::read(&bytes).unwrap();
        assert_eq!(image.signed_ranges(), None);
        assert!(image.defects().iter().any(|defect| defect.problem == Problem::PointsOutside));
    }

    #[test]
    fn entries_are_walked() {
        // One PKCS #7 entry of 12 bytes, padded to 16.
        let table = [12, 0, 0, 0, 0, 2, 2, 0, 0xAA, 0xBB, 0xCC, 0xDD, 0, 0, 0, 0];
        let bytes = driver().certificate_table(table).bytes();
        let image = Image::read(&bytes).unwrap();
        let [only] = image.certificates() else { panic!() };
        assert_eq!(
            (only.revision, only.kind, only.bytes),
            (0x0200, 2, &[0xAA, 0xBB, 0xCC, 0xDD][..])
        );
    }
}
