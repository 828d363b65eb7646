//! What can be done to which part of a data directory.

use std::fmt::{self, Display, Formatter};

/// A part of a data directory.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// Whose it is.
    Identity,
    /// What is known of the directories of the peers.
    Peers,
    /// A segment of the log that is not the last.
    OldSegment,
    /// The one that is written to.
    LastSegment,
    /// The snapshot that the log names.
    Snapshot,
    /// All of it.
    Directory,
}

/// What is done to a part.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Way {
    /// A bit is turned; in the last segment, before its last batch.
    BitTurned,
    /// A bit of the last batch is turned.
    BitOfLastBatch,
    /// A bit of the zeros behind the last record is turned.
    BitBehindEnd,
    /// Its end is cut off.
    CutShort,
    /// Nothing is left of what is in it.
    Emptied,
    /// It is gone.
    Removed,
    /// A sector of it is zeros.
    SectorZeroed,
    /// It is an older copy of itself, made since the node started last.
    OlderOfThisRun,
    /// It is an older copy of itself, made before the node started last.
    OlderOfEarlierRun,
    /// It is that of another node.
    AnotherNodes,
    /// It is gone, and made anew by `init`.
    MadeAnew,
    /// There are other files, and halves of the node's own.
    Rubbish,
}

/// One thing that is done to a directory.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Deed {
    /// To what.
    pub part: Part,
    /// What.
    pub way: Way,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Identity, Self::Peers, Self::OldSegment, Self::LastSegment, Self::Snapshot, Self::Directory];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Peers => "peers",
            Self::OldSegment => "old-segment",
            Self::LastSegment => "last-segment",
            Self::Snapshot => "snapshot",
            Self::Directory => "directory",
        }
    }

    /// What can be done to it.
    const fn ways(self) -> &'static [Way] {
        match self {
            Self::Identity | Self::Peers | Self::OldSegment | Self::Snapshot => &[
                Way::BitTurned,
                Way::CutShort,
                Way::Emptied,
                Way::Removed,
                Way::SectorZeroed,
                Way::OlderOfThisRun,
                Way::OlderOfEarlierRun,
                Way::AnotherNodes,
            ],
            Self::LastSegment => &[
                Way::BitTurned,
                Way::BitOfLastBatch,
                Way::BitBehindEnd,
                Way::CutShort,
                Way::Emptied,
                Way::Removed,
                Way::SectorZeroed,
                Way::OlderOfThisRun,
                Way::OlderOfEarlierRun,
                Way::AnotherNodes,
            ],
            Self::Directory => &[
                Way::Removed,
                Way::MadeAnew,
                Way::OlderOfThisRun,
                Way::OlderOfEarlierRun,
                Way::AnotherNodes,
                Way::Rubbish,
            ],
        }
    }
}

impl Way {
    /// Is it an older copy?
    pub(super) fn is_older(self) -> bool {
        self == Self::OlderOfThisRun || self == Self::OlderOfEarlierRun
    }

    const fn text(self) -> &'static str {
        match self {
            Self::BitTurned => "a bit turned",
            Self::BitOfLastBatch => "a bit of the last batch turned",
            Self::BitBehindEnd => "a bit behind the end turned",
            Self::CutShort => "cut short",
            Self::Emptied => "emptied",
            Self::Removed => "removed",
            Self::SectorZeroed => "a sector zeroed",
            Self::OlderOfThisRun => "an older copy, of this run",
            Self::OlderOfEarlierRun => "an older copy, of an earlier run",
            Self::AnotherNodes => "another node's",
            Self::MadeAnew => "removed, and made anew",
            Self::Rubbish => "rubbish beside it",
        }
    }
}

impl Deed {
    /// Everything that can be done to these parts.
    #[must_use]
    pub fn all(parts: &[Part]) -> Vec<Self> {
        parts.iter().flat_map(|&part| part.ways().iter().map(move |&way| Self { part, way })).collect()
    }
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Display for Way {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

impl Display for Deed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.way)
    }
}
