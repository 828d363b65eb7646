//! CRC-32C, for those who forge: a test that makes bytes of a later version, a disk that mends what is damaged.

/// CRC-32C of bytes that follow others of which it is given; of none, that is 0. Bit by bit: short, not fast.
///
/// ```
/// assert_eq!(seaworthy_conformance::disk_kit::crc32c(0, b"123456789"), 0xe306_9283);
/// ```
#[must_use]
pub fn crc32c(before: u32, bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!before, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}
