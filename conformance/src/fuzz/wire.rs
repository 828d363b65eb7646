//! Bytes of anyone, as a frame and as the body of a record.

use crate::disk_kit::crc32c;
use seaworthy::codec::{decode_frame, decode_record, encode_frame, encode_record, frame_len};
use std::sync::Arc;

type Command = Arc<[u8]>;

/// Reads bytes as a connection and as a log would. The first says whether they are sealed first: nobody guesses a checksum.
///
/// # Panics
///
/// If something that can be read is not written down again as it was.
pub fn wire(bytes: &[u8]) {
    let Some((first, content)) = bytes.split_first() else { return };
    match first % 3 {
        0 => frame(content),
        1 => frame(&sealed(content)),
        _ => record(content),
    }
}

fn sealed(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    [&length.to_le_bytes(), &crc32c(0, content).to_le_bytes(), content].concat()
}

fn frame(bytes: &[u8]) {
    if let Ok(Some(length)) = frame_len(bytes, 1 << 20) {
        assert!(length <= 1 << 20, "{length} bytes are more than the limit");
    }
    if let Ok(frame) = decode_frame::<Command>(bytes) {
        let mut again = Vec::new();
        encode_frame(&frame.envelope.borrowed(), frame.chunk, &mut again);
        assert_eq!(again, bytes, "{:?}", frame.envelope);
    }
}

fn record(bytes: &[u8]) {
    if let Ok(record) = decode_record::<Command>(bytes) {
        let mut again = Vec::new();
        encode_record(&record.borrowed(), &mut again);
        assert_eq!(again, bytes, "{record:?}");
    }
}
