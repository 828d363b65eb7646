//! What was found in traces: the first thing that no correct cluster records.

use super::reading::Place;
use seaworthy_protocol::NodeId;
use seaworthy_protocol::invariants::Violation;
use std::fmt::{self, Display, Formatter};

/// Something that cannot be, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// In which line.
    pub place: Place,
    /// The node that recorded it.
    pub node: NodeId,
    /// What it is.
    pub kind: Kind,
    /// More about it, for people.
    pub details: String,
}

/// What cannot be.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// The same step, taken again, leads elsewhere.
    Diverges,
    /// A message has arrived that its sender never sent.
    NeverSent {
        /// Whose name it bears.
        from: NodeId,
    },
    /// A message has arrived that its sender sent only because of what came of it.
    SentLater {
        /// Whose name it bears.
        from: NodeId,
    },
    /// A message has arrived that was to wait for the disk, and what it waited for was lost.
    LeftTooEarly {
        /// Whose name it bears.
        from: NodeId,
    },
    /// A node was told that something is durable which it had not written, or of which it had been told before.
    NeverWritten,
    /// A disk lacks what was durable, or holds what was never written.
    DiskChanged,
    /// A node's cluster has other voters than the others'.
    OtherVoters,
    /// A node blames a peer, though all that it received was sent.
    FalseBlame,
    /// A property of Raft is broken.
    Property(Violation),
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { place, node, kind, details } = self;
        write!(f, "{place}: ")?;
        match kind {
            Kind::Diverges => write!(f, "{node} takes this step, and is not what it was then"),
            Kind::NeverSent { from } => write!(f, "{node} has received what {from} never sent"),
            Kind::SentLater { from } => {
                write!(f, "{node} has received what {from} sent only because of what came of it")
            }
            Kind::LeftTooEarly { from } => {
                write!(f, "{node} has received what {from} was to keep until the disk had what it lost")
            }
            Kind::NeverWritten => {
                write!(f, "{node} was told that something is durable which it has not written, or once more")
            }
            Kind::DiskChanged => {
                write!(f, "the disk of {node} lacks what was durable, or holds what was never written")
            }
            Kind::OtherVoters => write!(f, "the cluster of {node} has other voters"),
            Kind::FalseBlame => write!(f, "{node} blames a peer, though all that it received was sent"),
            Kind::Property(violation) => write!(f, "{violation} is broken"),
        }?;
        write!(f, "\n\n{}", details.trim_end())
    }
}

impl std::error::Error for Finding {}
