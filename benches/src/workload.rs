//! What clients send, and what a state machine makes of it.

use std::sync::Arc;

/// How commands are held: bytes behind one pointer and one allocation, cloned by counting. (`bytes::Bytes` allocates again at
/// the first clone, and is twice as large.)
pub type Command = Arc<[u8]>;

/// The payload of a proposal: its number in the first eight bytes, so that no two are equal.
///
/// # Panics
///
/// For a size below 8.
#[must_use]
pub fn payload(number: u64, size: usize) -> Command {
    let mut command: Command = std::iter::repeat_n(filler(number), size).collect();
    let bytes = Arc::get_mut(&mut command).expect("nobody else has it yet");
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    command
}

/// The same payload for whoever holds commands as a vector.
///
/// # Panics
///
/// For a size below 8.
#[must_use]
pub fn payload_in_vec(number: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![filler(number); size];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

const fn filler(number: u64) -> u8 {
    let [filler, ..] = number.to_le_bytes();
    filler
}

/// A state machine that reads every byte and minds the order: the cheapest that cannot be cheated.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Checksum {
    /// How many commands it applied.
    pub applied: u64,
    sum: u64,
    /// Minds no order: what it comes to is known also where clients race.
    total: u64,
}

impl Checksum {
    /// Applies one command.
    pub fn apply(&mut self, payload: &[u8]) {
        let words = payload.chunks_exact(8).map(|word| word.try_into().map_or(0, u64::from_le_bytes));
        let folded = words.fold(0, |sum, word| sum ^ word);
        self.sum = self.sum.rotate_left(1) ^ folded;
        self.total = self.total.wrapping_add(folded);
        self.applied += 1;
    }

    /// Did it apply the same commands, in whatever order?
    #[must_use]
    pub const fn has_applied_the_same(&self, other: &Self) -> bool {
        self.applied == other.applied && self.total == other.total
    }

    /// Its parts, for a snapshot.
    #[must_use]
    pub const fn to_parts(self) -> [u64; 3] {
        [self.applied, self.sum, self.total]
    }

    /// What it comes to after the proposals 0 to `count`.
    #[must_use]
    pub fn after(count: u64, size: usize) -> Self {
        let mut checksum = Self::default();
        (0..count).for_each(|number| checksum.apply(&payload(number, size)));
        checksum
    }
}
