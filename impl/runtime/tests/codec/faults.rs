//! What is not as it was written is refused, and its place is told.

use crate::values::{Bytes, Value, frames, records};
use seaworthy::Command;
use seaworthy::codec::{DecodeError, FrameError, decode_frame, decode_record, frame_len};

fn frame(name: &str) -> Vec<u8> {
    frames().iter().find(|frame| frame.name() == name).unwrap().encode()
}

fn record(name: &str) -> Vec<u8> {
    records().iter().find(|record| record.name() == name).unwrap().encode()
}

/// The frame with these bytes from an offset on, and with the length and the checksum that it needs.
fn sealed(mut frame: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    frame.resize(frame.len().max(at + bytes.len()), 0);
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    let length = u32::try_from(frame.len() - 8).unwrap();
    frame[..4].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32c::crc32c(&frame[8..]);
    frame[4..8].copy_from_slice(&checksum.to_le_bytes());
    frame
}

fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

#[test]
fn a_frame_with_a_flipped_bit_or_cut_short_is_refused() {
    for value in frames() {
        let bytes = value.encode();
        for end in 0..bytes.len() {
            assert!(decode_frame::<Bytes>(&bytes[..end]).is_err(), "{} cut at {end}", value.name());
        }
        for flipped in flipped(&bytes) {
            assert!(decode_frame::<Bytes>(&flipped).is_err(), "{}: {flipped:?}", value.name());
        }
    }
}

#[test]
fn a_record_cut_short_is_refused_and_one_with_a_flipped_bit_is_another() {
    for value in records() {
        let bytes = value.encode();
        for end in 0..bytes.len() {
            assert!(decode_record::<Bytes>(&bytes[..end]).is_err(), "{} cut at {end}", value.name());
        }
        for flipped in flipped(&bytes) {
            let read = decode_record::<Bytes>(&flipped).map(Value::Record);
            assert_ne!(read, Ok(value.clone()), "only the segment's checksum tells");
        }
    }
}

#[test]
fn no_other_kind_is_taken() {
    for kind in [0, 16, 255] {
        let bytes = sealed(frame("HigherTerm"), 10, &[kind]);
        let error = DecodeError::UnknownMessageKind { offset: 10, kind };
        assert_eq!(decode_frame::<Bytes>(&bytes), Err(error.into()));
    }
    for kind in [0, 5, 255] {
        let error = DecodeError::UnknownRecordKind { offset: 0, kind };
        assert_eq!(decode_record::<Bytes>(&[kind; 40]), Err(error));
    }
}

#[test]
fn every_fault_is_told_with_its_place() {
    let append = frame("AppendEntries");
    let mut damaged = append.clone();
    damaged[30] ^= 1;
    let cases = [
        (vec![1, 2], "what begins at byte 0 takes 4 bytes, but only 2 are left"),
        (append[..60].to_vec(), "the frame announces 82 bytes, but 60 are there"),
        (damaged, "the frame's checksum at byte 4 is"),
        (sealed(append.clone(), 8, &[0, 0]), "the frame's version at byte 8 is 0, and only 1 to 1 are known"),
        (sealed(append.clone(), 8, &[2, 0]), "the frame's version at byte 8 is 2, and only 1 to 1 are known"),
        (sealed(append.clone(), 11, &[0]), "no node has the number 0 at byte 11"),
        (sealed(append.clone(), 12, &[65]), "no node has the number 65 at byte 12"),
        (sealed(append.clone(), 45, &[3]), "what begins at byte 82 takes 8 bytes, but only 0 are left"),
        (sealed(append.clone(), 45, &[1]), "the 20 bytes from byte 62 on belong to nothing"),
        (sealed(append.clone(), 57, &[2]), "no entry is of kind 2, as the byte at 57 says"),
        (sealed(append.clone(), 58, &[1]), "the no-op at byte 49 carries 1 bytes"),
        (sealed(append, 71, &[255; 4]), "what begins at byte 75 takes 4294967295 bytes, but only 7 are left"),
        (sealed(frame("RequestVoteReply"), 21, &[2]), "the byte at 21 must be 0 or 1, but is 2"),
        (sealed(frame("TimeoutNow"), 21, &[0]), "the 1 bytes from byte 21 on belong to nothing"),
        (
            sealed(frame("InstallSnapshot"), 61, &[6]),
            "the chunk at byte 69 should have 6 bytes, but 5 are there",
        ),
        (
            sealed(frame("InstallSnapshot"), 61, &[4]),
            "the chunk at byte 69 should have 4 bytes, but 5 are there",
        ),
    ];
    for (bytes, sentence) in cases {
        let error = decode_frame::<Bytes>(&bytes).unwrap_err();
        assert!(error.to_string().starts_with(sentence), "{error}");
    }
    let mut bytes = record("TermAndVote");
    bytes[9] = 65;
    assert_eq!(decode_record::<Bytes>(&bytes), Err(DecodeError::NoSuchNode { offset: 9, number: 65 }));
    // The golden command is no number: it has seven bytes.
    let error = DecodeError::NotACommand { offset: 39, length: 7 };
    assert_eq!(decode_record::<u64>(&record("Append")), Err(error));
}

#[test]
fn a_long_frame_is_refused_by_its_length() {
    let bytes = frame("AppendEntries");
    let announced = bytes.len() as u64;
    assert_eq!(frame_len(&bytes[..4], bytes.len()), Ok(Some(bytes.len())));
    assert_eq!(frame_len(&bytes[..3], 0), Ok(None));
    assert_eq!(frame_len(&bytes, 81), Err(FrameError::TooLong { announced, limit: 81 }));
    let announced = u64::from(u32::MAX) + 8;
    assert_eq!(frame_len(&[255; 4], 1 << 20), Err(FrameError::TooLong { announced, limit: 1 << 20 }));
}

/// So large that memory for 2^32 of them can be had nowhere.
struct Huge([u8; 1 << 16]);

impl Command for Huge {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

#[test]
fn a_huge_count_takes_no_memory() {
    let mut bytes = record("Append");
    bytes[9..13].copy_from_slice(&[255; 4]);
    // The first entry is a no-op; the second is no such command.
    let error = DecodeError::NotACommand { offset: 39, length: 7 };
    assert_eq!(decode_record::<Huge>(&bytes).err(), Some(error));
    let bytes = sealed(frame("AppendEntries"), 45, &[255; 4]);
    assert!(decode_frame::<Huge>(&bytes).is_err());
}

#[test]
#[should_panic(expected = "the chunk has the length that its message says")]
fn a_chunk_of_another_length_is_not_sent() {
    let Some(Value::Frame(envelope, chunk)) = frames().into_iter().find(|it| it.name() == "InstallSnapshot")
    else {
        unreachable!("it is one of them")
    };
    Value::Frame(envelope, &chunk[1..]).encode();
}
