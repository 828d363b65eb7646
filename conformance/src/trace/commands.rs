//! The commands of all traces, each kept once for as long as they are judged: a node whose commands can be copied can be copied itself.

use bumpalo::Bump;
use seaworthy::trace::command_digest;
use std::collections::HashSet;
use std::fmt::{self, Debug, Formatter};

/// A command, by its bytes. Shown as they stand in a trace.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Command<'a> {
    /// First, so that different commands are told apart at once.
    digest: u64,
    bytes: &'a [u8],
}

/// All that were seen.
pub(super) struct Commands<'a> {
    space: &'a Bump,
    known: HashSet<&'a [u8]>,
}

impl<'a> Commands<'a> {
    pub(super) fn new(space: &'a Bump) -> Self {
        Self { space, known: HashSet::new() }
    }

    pub(super) fn keep(&mut self, bytes: &[u8]) -> Command<'a> {
        let digest = command_digest(bytes);
        if let Some(bytes) = self.known.get(bytes) {
            return Command { digest, bytes };
        }
        let bytes: &'a [u8] = self.space.alloc_slice_copy(bytes);
        self.known.insert(bytes);
        Command { digest, bytes }
    }
}

impl Command<'_> {
    pub(super) const fn digest(&self) -> u64 {
        self.digest
    }

    /// How many bytes it has.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl Debug for Command<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
