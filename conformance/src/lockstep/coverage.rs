//! How much was taken in lockstep: edges, and which handler of the protocol ran in which role.

use seaworthy_model::server::Event;
use seaworthy_protocol::{Message, Role};
use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicU64, Ordering};

/// The inputs of a node, messages one by one, as the table at the head of `impl/protocol/src/node.rs` has them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Handler {
    ElectionTimeout,
    HeartbeatTimeout,
    Propose,
    Replicate,
    WritesDurable,
    CannotWrite,
    Read,
    Transfer,
    Compact,
    SnapshotStaged,
    PreVote,
    PreVoteGranted,
    RequestVote,
    RequestVoteReply,
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    ReadIndex,
    ReadIndexReply,
    ReadRound,
    ReadRoundReply,
    TimeoutNow,
    HigherTerm,
    Restart,
}

impl Handler {
    const ALL: [Self; 25] = [
        Self::ElectionTimeout,
        Self::HeartbeatTimeout,
        Self::Propose,
        Self::Replicate,
        Self::WritesDurable,
        Self::CannotWrite,
        Self::Read,
        Self::Transfer,
        Self::Compact,
        Self::SnapshotStaged,
        Self::PreVote,
        Self::PreVoteGranted,
        Self::RequestVote,
        Self::RequestVoteReply,
        Self::AppendEntries,
        Self::AppendEntriesReply,
        Self::InstallSnapshot,
        Self::InstallSnapshotReply,
        Self::ReadIndex,
        Self::ReadIndexReply,
        Self::ReadRound,
        Self::ReadRoundReply,
        Self::TimeoutNow,
        Self::HigherTerm,
        Self::Restart,
    ];

    /// What takes an event of the model's; nothing, if that does not come to the node.
    pub(super) fn of_model(event: Event) -> Option<Self> {
        Some(match event {
            Event::ElectionTimeout => Self::ElectionTimeout,
            Event::HeartbeatTimeout => Self::HeartbeatTimeout,
            Event::Propose(_) => Self::Propose,
            Event::Replicate => Self::Replicate,
            Event::CannotWrite { .. } => Self::CannotWrite,
            Event::Read(_) => Self::Read,
            Event::Transfer { .. } => Self::Transfer,
            Event::Compact { .. } => Self::Compact,
            Event::Stage { .. } => Self::SnapshotStaged,
            Event::Deliver(packet) => Self::of(&packet.message),
            Event::Confirm => Self::WritesDurable,
            Event::Crash { .. } => Self::Restart,
            Event::Complete => return None,
        })
    }

    /// What takes a message.
    const fn of<E>(message: &Message<E>) -> Self {
        match message {
            Message::RequestVote { .. } => Self::RequestVote,
            Message::RequestVoteReply { .. } => Self::RequestVoteReply,
            Message::PreVote { .. } => Self::PreVote,
            Message::PreVoteGranted => Self::PreVoteGranted,
            Message::AppendEntries { .. } => Self::AppendEntries,
            Message::AppendEntriesReply(_) => Self::AppendEntriesReply,
            Message::InstallSnapshot(_) => Self::InstallSnapshot,
            Message::InstallSnapshotReply { .. } => Self::InstallSnapshotReply,
            Message::ReadIndex { .. } => Self::ReadIndex,
            Message::ReadIndexReply { .. } => Self::ReadIndexReply,
            Message::ReadRound { .. } => Self::ReadRound,
            Message::ReadRoundReply { .. } => Self::ReadRoundReply,
            Message::TimeoutNow => Self::TimeoutNow,
            Message::HigherTerm => Self::HigherTerm,
        }
    }
}

const ROLES: [&str; 4] = ["follower", "pre-candidate", "candidate", "leader"];

const fn position(role: &Role) -> usize {
    match role {
        Role::Follower { .. } => 0,
        Role::PreCandidate { .. } => 1,
        Role::Candidate { .. } => 2,
        Role::Leader { .. } => 3,
    }
}

/// Counts, by many threads at once.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// Actions that led to another state.
    edges: AtomicU64,
    /// Actions that changed nothing.
    idle: AtomicU64,
    /// How often each handler ran in each role, and how often that changed the node.
    handlers: [[[AtomicU64; 2]; 4]; 25],
}

impl Coverage {
    pub(super) fn count(&self, is_edge: bool) {
        let counter = if is_edge { &self.edges } else { &self.idle };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_handler(&self, handler: Handler, role: &Role, changes: bool) {
        let counters = &self.handlers[handler as usize][position(role)];
        counters[usize::from(changes)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Covered {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Covered {
            edges: number(&self.edges),
            idle: number(&self.idle),
            handlers: std::array::from_fn(|handler| {
                std::array::from_fn(|role| self.handlers[handler][role].each_ref().map(number))
            }),
        }
    }
}

/// What was taken.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Covered {
    /// Actions that led to another state of the model.
    pub edges: u64,
    /// Actions that changed nothing, there or here.
    pub idle: u64,
    handlers: [[[u64; 2]; 4]; 25],
}

impl Covered {
    /// Adds what else was taken.
    pub fn add(&mut self, other: &Self) {
        self.edges += other.edges;
        self.idle += other.idle;
        let (mine, its) =
            (self.handlers.iter_mut().flatten().flatten(), other.handlers.iter().flatten().flatten());
        mine.zip(its).for_each(|(count, more)| *count += more);
    }

    /// In how many pairs of a handler and a role something ran, and how many pairs there are.
    #[must_use]
    pub fn pairs(&self) -> (usize, usize) {
        let ran = self.handlers.iter().flatten().filter(|counts| counts.iter().sum::<u64>() > 0).count();
        (ran, Handler::ALL.len() * ROLES.len())
    }
}

/// Of each handler in each role: how often it ran, and how often the node was another one afterwards.
impl Display for Covered {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:<22}", "ran, of them changed")?;
        ROLES.iter().try_for_each(|role| write!(f, "{role:>22}"))?;
        for (handler, counts) in Handler::ALL.iter().zip(&self.handlers) {
            write!(f, "\n{:<22}", format!("{handler:?}"))?;
            for [idle, changed] in counts {
                let told = if idle + changed == 0 {
                    "–".to_owned()
                } else {
                    format!("{} {changed}", idle + changed)
                };
                write!(f, "{told:>22}")?;
            }
        }
        Ok(())
    }
}
