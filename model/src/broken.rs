//! What is wrong with a step, where the state it leads to cannot tell.

use seaworthy_protocol::invariants::Violation;

/// What a step broke, kept in the state it led to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Broken {
    /// A property that compares a state with the one before.
    Property(Violation),
    /// The protocol reported it itself: nothing left the node, and it has stopped.
    Stopped(Violation),
    /// A message was removed as dead whose delivery would have done something.
    DeadNotInert,
    /// A message that was dead is alive again.
    DeadRevived,
    /// A node blamed a peer, though every peer runs the same protocol.
    FalseBlame,
    /// A node leads that was told that its disk refuses writes.
    LeadsWithoutDisk,
    /// The chunks of a snapshot are of different snapshots, or it is installed though it is damaged.
    SpoiltSnapshot,
}

impl Broken {
    /// A number for each value, above 0.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::DeadNotInert => 1,
            Self::FalseBlame => 2,
            Self::DeadRevived => 3,
            Self::LeadsWithoutDisk => 4,
            Self::SpoiltSnapshot => 5,
            Self::Property(violation) => 10 + violation as u8,
            Self::Stopped(violation) => 100 + violation as u8,
        }
    }

    /// Does the run end here? A node that stopped takes no further step.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Stopped(_))
    }

    /// Does it break this property?
    #[must_use]
    pub const fn is(self, violation: Violation) -> bool {
        match self {
            Self::Property(broken) | Self::Stopped(broken) => broken as u8 == violation as u8,
            Self::DeadNotInert
            | Self::DeadRevived
            | Self::FalseBlame
            | Self::LeadsWithoutDisk
            | Self::SpoiltSnapshot => false,
        }
    }
}
