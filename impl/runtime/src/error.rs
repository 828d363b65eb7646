//! What can go wrong with each operation, and whether it may have happened all the same.

use crate::wal::OpenError;
use crate::world::{RequestError, Stop};
use seaworthy_protocol::{ConfigError, NodeId};
use std::io;
use thiserror::Error;

fn leader_hint(leader: Option<NodeId>) -> String {
    leader.map_or(String::new(), |leader| format!("; node {} does", leader.get()))
}

/// Why a command has no response.
///
/// ```
/// use seaworthy::{NodeId, ProposeError};
///
/// /// May it be proposed again without being applied twice?
/// fn is_safe_to_repeat(error: ProposeError) -> bool {
///     !matches!(error, ProposeError::Unknown)
/// }
/// assert!(is_safe_to_repeat(ProposeError::NotLeader { leader: NodeId::new(2) }));
/// ```
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ProposeError {
    /// This node does not lead. The command was definitely not applied, and may be proposed to the leader.
    #[error("this node does not lead{}", leader_hint(*.leader))]
    NotLeader {
        /// Who does, if that is known.
        leader: Option<NodeId>,
    },
    /// Too much is waiting already. The command was definitely not applied, and may be proposed again, later.
    #[error("too many proposals are waiting")]
    Overloaded,
    /// The command is larger than a node takes. It was definitely not applied.
    #[error("the command has {bytes} bytes; at most {limit} are taken")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large one may be.
        limit: usize,
    },
    /// The command cannot be written down. It was definitely not applied, and never will be.
    #[error("the command cannot be written down")]
    Unencodable,
    /// Another command was committed in its place. It was definitely not applied, and may be proposed again.
    #[error("another leader has replaced the command before it was committed; it was not applied")]
    NotApplied,
    /// The node had stopped before it took the command. It was definitely not applied.
    #[error("the node has stopped")]
    Stopped,
    /// The node lost the leadership, or stopped, before the command was committed. It may be applied or not, now or later: who
    /// proposes it again must not mind that it is applied twice.
    #[error("the leadership was lost before the command was committed; it may be applied or not")]
    Unknown,
}

/// Why nothing was read.
///
/// ```
/// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
/// # let raft = sum::leader();
/// use seaworthy::ReadError;
///
/// assert_eq!(raft.read(|_| -> () { panic!("its own fault") }).wait(), Err(ReadError::Panicked));
/// ```
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ReadError {
    /// No leader could be asked in time, or none that had its majority.
    #[error("no leader could be asked in time")]
    Unavailable,
    /// Too much is waiting already.
    #[error("too many reads are waiting")]
    Overloaded,
    /// The node has stopped.
    #[error("the node has stopped")]
    Stopped,
    /// The function that was to look at the state panicked. The node goes on.
    #[error("the function that reads has panicked")]
    Panicked,
}

/// Why the leadership was not handed over.
///
/// ```
/// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
/// # let raft = sum::leader();
/// let own = raft.status().id;
/// assert!(raft.transfer_leadership(own).wait().is_err(), "it has it already");
/// ```
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum TransferError {
    /// This node does not lead, or hands over to another already.
    #[error("this node does not lead{}", leader_hint(*.leader))]
    NotLeader {
        /// Who does, or will, if that is known.
        leader: Option<NodeId>,
    },
    /// The leadership can be handed to another voter only.
    #[error("node {} is no other voter", .to.get())]
    CannotTransfer {
        /// The target.
        to: NodeId,
    },
    /// The other node did not take over in time. It may do so yet, like any other.
    #[error("the other node did not take over in time")]
    TimedOut,
    /// Too much is waiting already.
    #[error("too many requests are waiting")]
    Overloaded,
    /// The node has stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// The node has stopped: what was waited for will not happen here.
///
/// ```
/// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
/// # let raft = sum::leader();
/// let never = raft.wait_for_applied(seaworthy::Index(1_000_000));
/// raft.shutdown()?;
/// assert_eq!(never.wait(), Err(seaworthy::Stopped));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the node has stopped")]
pub struct Stopped;

/// Why a node does not start.
///
/// ```
/// # use seaworthy::{Builder, Network, NodeId, NodeSet, StartError};
/// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
/// # let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(3), Network::default());
/// let started = Builder::new(1, id, voters, &network).directory("/nowhere").start(sum::Sum(0));
/// assert!(matches!(started, Err(StartError::Disk(_))), "nobody has made that directory");
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The voters make no cluster.
    #[error("{0}")]
    Config(ConfigError),
    /// A node that is no voter of its cluster has nothing to do in it.
    #[error("node {} is no voter of its cluster", .0.get())]
    NoVoter(NodeId),
    /// The data directory cannot be used.
    #[error("{0}")]
    Disk(#[from] OpenError),
    /// The data directory is another node's, or another cluster's.
    #[error("the data directory belongs to node {} of cluster {cluster:032x}", .node.get())]
    ForeignDirectory {
        /// Whose it is.
        node: NodeId,
        /// And in which cluster.
        cluster: u128,
    },
    /// What the disk holds cannot be started from.
    #[error("{0}")]
    Stop(Stop),
    /// Nobody can connect to it.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where peers were to connect.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// What is known of the peers' data directories cannot be read.
    #[error("{0}")]
    Peers(Box<dyn std::error::Error + Send + Sync>),
    /// A thread cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(io::Error),
}

/// How a node ended that was not asked to.
///
/// ```
/// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
/// # let raft = sum::leader();
/// match raft.shutdown() {
///     Ok(()) => println!("it had run until then"),
///     Err(error) => println!("{error}"),
/// }
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShutdownError {
    /// It had stopped by itself before.
    #[error("the node had stopped: {0}")]
    Stop(Stop),
    /// Its state machine panicked, or the node itself did.
    #[error("the node's thread has panicked: {0}")]
    Panicked(String),
}

impl From<RequestError> for ProposeError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotLeader { leader } => Self::NotLeader { leader },
            RequestError::Overloaded => Self::Overloaded,
            RequestError::TooLarge { bytes, limit } => Self::TooLarge { bytes, limit },
            RequestError::NotApplied => Self::NotApplied,
            // The last three are never said of a proposal.
            RequestError::Unknown
            | RequestError::Unavailable
            | RequestError::CannotTransfer { .. }
            | RequestError::TransferTimedOut => Self::Unknown,
        }
    }
}

impl From<RequestError> for ReadError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Overloaded => Self::Overloaded,
            // Only the second is said of a read.
            RequestError::NotLeader { .. }
            | RequestError::Unavailable
            | RequestError::TooLarge { .. }
            | RequestError::NotApplied
            | RequestError::Unknown
            | RequestError::CannotTransfer { .. }
            | RequestError::TransferTimedOut => Self::Unavailable,
        }
    }
}

impl From<RequestError> for TransferError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotLeader { leader } => Self::NotLeader { leader },
            RequestError::CannotTransfer { to } => Self::CannotTransfer { to },
            RequestError::Overloaded => Self::Overloaded,
            // Only the last is said of a transfer.
            RequestError::TooLarge { .. }
            | RequestError::NotApplied
            | RequestError::Unknown
            | RequestError::Unavailable
            | RequestError::TransferTimedOut => Self::TimedOut,
        }
    }
}
