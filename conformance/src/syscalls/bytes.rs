//! Bytes as strace writes them, and without the many zeros with which a node makes room for its log.

use std::io::{self, BufRead, Write};

/// Bytes, and so many zeros behind them, which take no memory.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bytes {
    head: Vec<u8>,
    zeros: u64,
}

/// So many zeros are written out. A longer run is written as `\0{COUNT}`.
const ZEROS_MIN: usize = 16;
const ZERO: &[u8] = b"\\x00";

impl Bytes {
    /// Reads what strace's `-xx` has written between quotes, squeezed or not: `\x` and two digits for each byte. What stands there as it
    /// is, is itself.
    #[must_use]
    pub fn unescape(text: &str) -> Option<Self> {
        let mut bytes = Self::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(hex) = rest.strip_prefix("\\x") {
                let digits = hex.get(..2)?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &hex[2..];
            } else if let Some(run) = rest.strip_prefix("\\0{") {
                let (count, after) = run.split_once('}')?;
                bytes.zeros = bytes.zeros.checked_add(count.parse().ok()?)?;
                rest = after;
            } else if first.is_ascii() && first != '\\' {
                bytes.push(first as u8);
                rest = &rest[1..];
            } else {
                return None;
            }
        }
        Some(bytes)
    }

    fn push(&mut self, byte: u8) {
        if byte == 0 {
            self.zeros += 1;
        } else {
            let zeros = usize::try_from(self.zeros).unwrap_or(usize::MAX);
            self.head.resize(self.head.len().saturating_add(zeros), 0);
            (self.zeros, _) = (0, self.head.push(byte));
        }
    }

    /// All up to the zeros.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// How many there are, with the zeros.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.head.len() as u64 + self.zeros
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first of them: what a call has taken.
    #[must_use]
    pub fn first(&self, count: u64) -> Self {
        let shown = usize::try_from(count).unwrap_or(usize::MAX).min(self.head.len());
        let zeros = count.min(self.len()) - shown as u64;
        Self { head: self.head[..shown].to_vec(), zeros }
    }

    /// All of them.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        bytes.resize(usize::try_from(self.len()).unwrap_or(usize::MAX), 0);
        bytes
    }
}

/// Copies what strace writes, with long runs of zeros as `\0{COUNT}`: a new segment of the log is 64 MiB of them, which strace makes
/// 256 MiB of.
///
/// # Errors
///
/// What reading or writing says.
pub fn squeeze(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let (mut line, mut squeezed) = (Vec::new(), Vec::new());
    while input.read_until(b'\n', &mut line)? > 0 {
        squeezed.clear();
        let mut rest = &line[..];
        while let Some((first, behind)) = rest.split_first() {
            let count = rest.chunks_exact(ZERO.len()).take_while(|chunk| *chunk == ZERO).count();
            if count >= ZEROS_MIN {
                write!(squeezed, "\\0{{{count}}}")?;
            } else {
                squeezed.extend_from_slice(&rest[..count * ZERO.len()]);
            }
            rest = &rest[count * ZERO.len()..];
            if count == 0 {
                squeezed.push(*first);
                rest = behind;
            }
        }
        output.write_all(&squeezed)?;
        line.clear();
    }
    output.flush()
}
