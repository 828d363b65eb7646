//! The bytes never change within a version: the golden ones were written once, and `UPDATE_GOLDEN=1` writes them anew.

use crate::tables::{Cut, Page, package};
use crate::values::{Bytes, Value, frames, records};
use seaworthy::codec::{Frame, VERSION, decode_frame, decode_record};
use std::fs;

/// Where a frame has its kind.
const KIND: usize = 10;

/// `InstallSnapshot` in `install-snapshot.hex`.
fn file_name(value: &Value) -> String {
    let mut name = String::new();
    for letter in value.name().chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name + ".hex"
}

/// The value's bytes as the page cuts them.
fn cut(page: &Page, value: &Value) -> String {
    let bytes = value.encode();
    let mut cut = Cut::new(page, &bytes);
    let kind = match value {
        Value::Frame(..) => {
            cut.fields("Frame", 0);
            bytes[KIND]
        }
        Value::Record(_) => bytes[0],
    };
    cut.fields(&format!("{kind} {}", value.name()), 0);
    cut.finish()
}

/// The bytes in a golden file.
fn parse(text: &str) -> Vec<u8> {
    let fields = text.lines().filter_map(|line| line.split('#').next());
    let digits: Vec<char> = fields.flat_map(str::chars).filter(|digit| !digit.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn the_bytes_are_the_golden_ones() {
    let page = Page::read();
    for value in frames().into_iter().chain(records()) {
        let file = package().join("tests/golden").join(file_name(&value));
        let now = cut(&page, &value);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, &now).unwrap();
        }
        let golden = fs::read_to_string(&file).unwrap();
        assert_eq!(golden, now, "{}: to accept it: UPDATE_GOLDEN=1", file.display());

        let bytes = parse(&golden);
        assert_eq!(bytes, value.encode());
        let decoded = match &value {
            Value::Frame(_, chunk) => {
                let frame: Frame<'_, Bytes> = decode_frame(&bytes).unwrap();
                assert_eq!(frame.chunk, *chunk);
                Value::Frame(frame.envelope, chunk)
            }
            Value::Record(_) => Value::Record(decode_record(&bytes).unwrap()),
        };
        assert_eq!(decoded, value);
    }
    let files = fs::read_dir(package().join("tests/golden")).unwrap();
    assert_eq!(files.count(), frames().len() + records().len(), "a file is nobody's");
}

#[test]
fn the_page_names_every_kind_with_its_number_and_no_other() {
    let page = Page::read();
    let number_and_name = |at: usize| move |value: &Value| format!("{} {}", value.encode()[at], value.name());
    let messages: Vec<String> = frames().iter().map(number_and_name(KIND)).collect();
    assert_eq!(page.kinds("Messages"), messages);
    let bodies: Vec<String> = records().iter().map(number_and_name(0)).collect();
    assert_eq!(page.kinds("Records"), bodies);
    assert!(page.has(&format!("Version {VERSION}")));
}

#[test]
fn the_checksum_is_crc_32c() {
    // The check value of CRC-32/ISCSI.
    assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    for frame in frames() {
        let bytes = frame.encode();
        assert_eq!(bytes[4..8], crc32c::crc32c(&bytes[8..]).to_le_bytes());
    }
}
