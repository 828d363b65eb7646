//! All that was ever sent. Any of it may arrive, late, twice or never; nothing else can.

use super::sink::Fingerprint;
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// What was sent so far, by whichever start of its sender.
#[derive(Debug, Default)]
pub(super) struct Sent(HashMap<Fingerprint, Leaves>);

/// When a message leaves. The same may be sent many times: what stands here is the least that it waited for.
#[derive(Clone, Debug)]
pub(super) enum Leaves {
    /// At once.
    Now,
    /// When the disk has what the node had written by then, in one of these starts.
    Behind(SmallVec<[Behind; 1]>),
}

/// A moment in the life of a disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Behind {
    /// In which start of the node.
    pub(super) starts: u64,
    /// Behind which of its steps that wrote something.
    pub(super) position: u64,
}

impl Sent {
    pub(super) fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.0.contains_key(&fingerprint)
    }

    pub(super) fn get(&self, fingerprint: Fingerprint) -> Option<&Leaves> {
        self.0.get(&fingerprint)
    }

    /// How many different messages.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn at_once(&mut self, fingerprint: Fingerprint) {
        self.0.insert(fingerprint, Leaves::Now);
    }

    pub(super) fn behind(&mut self, fingerprint: Fingerprint, behind: Behind) {
        match self.0.entry(fingerprint) {
            Entry::Vacant(vacant) => {
                vacant.insert(Leaves::Behind(smallvec![behind]));
            }
            Entry::Occupied(mut occupied) => match occupied.get_mut() {
                Leaves::Now => {}
                // Of one start the first is the one that waited for the least.
                Leaves::Behind(all) if all.iter().any(|other| other.starts == behind.starts) => {}
                Leaves::Behind(all) => all.push(behind),
            },
        }
    }
}
