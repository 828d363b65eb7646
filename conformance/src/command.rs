//! What a script can say, one command a line.

use crate::notation::{self, Unreadable};
use crate::{Envelope, subject::Event};
use seaworthy_protocol::{NodeId, NodeSet};
use std::fmt::{self, Display, Formatter};

/// One line of a script.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Something happens to a node.
    Node(NodeId, Event),
    /// Messages arrive.
    Deliver(Messages),
    /// Messages are lost.
    Drop(Messages),
    /// Messages between nodes on different sides are lost from now on. A node that is named nowhere is on a side of its own.
    Partition(Vec<NodeSet>),
    /// The partition ends.
    Heal,
    /// How a node's disk works from now on, or every node's.
    Disks(Option<NodeId>, DiskPace),
    /// From now on snapshots wait to be verified, though disks work at once.
    SnapshotsWait,
    /// Shows a node, or all.
    Show(Option<NodeId>),
}

/// Which messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Messages {
    /// This one, if it was ever sent.
    This(Box<Envelope>),
    /// Those in flight from one node to another, in the order in which they left.
    Link(NodeId, NodeId),
    /// All in flight. Delivered, with those that are sent on the way, until none is left.
    All,
}

/// How a disk works.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DiskPace {
    /// Writes are completed and confirmed at once.
    AtOnce,
    /// They wait for `disk completes` and `disk confirms`.
    Waits,
}

/// Why a line is no command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NoCommand {
    /// Nothing begins like this.
    Unknown,
    /// A part of it is not in the notation.
    Unreadable(Unreadable),
    /// It names a node that the cluster does not have.
    Stranger(NodeId),
}

const CHOICES: &str = "N election timeout | N heartbeat | N propose COMMAND | N replicate | \
    N cannot write | N cannot write, heir N | N read READ | N transfer to N | \
    N compact SNAPSHOT through INDEX | N snapshot staged | N snapshot damaged | N disk completes | N disk confirms | \
    N crash | N crash keeping COUNT | N disk waits | N disk at once | disks wait | disks at once | snapshots wait | \
    deliver MESSAGE | deliver N→N | deliver all | drop MESSAGE | drop N→N | drop all | \
    partition N … | N … | heal | show | show N";

impl From<Unreadable> for NoCommand {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(unreadable)
    }
}

impl Display for NoCommand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(f, "is no command; commands are: {CHOICES}"),
            Self::Unreadable(unreadable) => write!(f, "cannot be read: {unreadable}"),
            Self::Stranger(node) => write!(f, "names {node}, which is not in the cluster"),
        }
    }
}

impl std::error::Error for NoCommand {}

impl Command {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// [`NoCommand`], which names the choices.
    pub fn parse(nodes: NodeSet, line: &str) -> Result<Self, NoCommand> {
        let command = Self::read(line)?;
        let stranger = command.nodes().into_iter().find(|node| !nodes.contains(*node));
        stranger.map_or(Ok(command), |node| Err(NoCommand::Stranger(node)))
    }

    fn read(line: &str) -> Result<Self, NoCommand> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["deliver", ref rest @ ..] if !rest.is_empty() => Ok(Self::Deliver(messages(rest)?)),
            ["drop", ref rest @ ..] if !rest.is_empty() => Ok(Self::Drop(messages(rest)?)),
            ["partition", ref rest @ ..] if !rest.is_empty() => {
                let side = |words: &[&str]| words.iter().copied().map(notation::node).collect();
                Ok(Self::Partition(rest.split(|word| *word == "|").map(side).collect::<Result<_, _>>()?))
            }
            ["heal"] => Ok(Self::Heal),
            ["disks", "wait"] => Ok(Self::Disks(None, DiskPace::Waits)),
            ["snapshots", "wait"] => Ok(Self::SnapshotsWait),
            ["disks", "at", "once"] => Ok(Self::Disks(None, DiskPace::AtOnce)),
            ["show"] => Ok(Self::Show(None)),
            ["show", node] => Ok(Self::Show(Some(notation::node(node)?))),
            [node, ref rest @ ..] if node.starts_with('n') => of_node(notation::node(node)?, rest),
            _ => Err(NoCommand::Unknown),
        }
    }

    fn nodes(&self) -> Vec<NodeId> {
        match self {
            Self::Node(node, Event::Transfer { to: other } | Event::CannotWrite { heir: Some(other) }) => {
                vec![*node, *other]
            }
            Self::Node(node, _) | Self::Disks(Some(node), _) | Self::Show(Some(node)) => vec![*node],
            Self::Deliver(messages) | Self::Drop(messages) => match messages {
                Messages::This(envelope) => vec![envelope.from, envelope.to],
                Messages::Link(from, to) => vec![*from, *to],
                Messages::All => Vec::new(),
            },
            Self::Partition(sides) => sides.iter().flat_map(|side| side.iter()).collect(),
            Self::Heal | Self::Disks(None, _) | Self::SnapshotsWait | Self::Show(None) => Vec::new(),
        }
    }
}

fn of_node(node: NodeId, words: &[&str]) -> Result<Command, NoCommand> {
    let event = match words {
        ["election", "timeout"] => Event::ElectionTimeout,
        ["heartbeat"] => Event::Heartbeat,
        ["propose", command] => Event::Propose(number(command)?),
        ["replicate"] => Event::Replicate,
        ["cannot", "write"] => Event::CannotWrite { heir: None },
        ["cannot", "write,", "heir", heir] => Event::CannotWrite { heir: Some(notation::node(heir)?) },
        ["read", read] => Event::Read(notation::read(read)?),
        ["transfer", "to", to] => Event::Transfer { to: notation::node(to)? },
        ["compact", snapshot, "through", through] => {
            Event::Compact { snapshot: notation::snapshot(snapshot)?, through: notation::index(through)? }
        }
        ["snapshot", "staged"] => Event::SnapshotStaged { is_damaged: false },
        ["snapshot", "damaged"] => Event::SnapshotStaged { is_damaged: true },
        ["disk", "completes"] => Event::DiskCompletes,
        ["disk", "confirms"] => Event::DiskConfirms,
        ["disk", "waits"] => return Ok(Command::Disks(Some(node), DiskPace::Waits)),
        ["disk", "at", "once"] => return Ok(Command::Disks(Some(node), DiskPace::AtOnce)),
        ["crash"] => Event::Crash { kept: 0 },
        ["crash", "keeping", count] => Event::Crash { kept: number(count)?.into() },
        _ => return Err(NoCommand::Unknown),
    };
    Ok(Command::Node(node, event))
}

fn messages(words: &[&str]) -> Result<Messages, Unreadable> {
    if let ["all"] = words {
        return Ok(Messages::All);
    }
    if let [link] = words {
        if let Some((from, to)) = link.split_once('→') {
            return Ok(Messages::Link(notation::node(from)?, notation::node(to)?));
        }
    }
    Ok(Messages::This(Box::new(notation::envelope(&words.join(" "))?)))
}

fn number(text: &str) -> Result<u8, Unreadable> {
    text.parse().map_err(|_| Unreadable { text: text.to_owned(), wanted: "a number from 0 to 255" })
}
