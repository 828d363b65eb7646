//! The boxes: how far a search may go. Bounds limit inputs only; within them nothing is restricted.

use seaworthy_protocol::{Config, NodeSet, Term, Window};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};
use std::num::{NonZeroU64, NonZeroUsize};

/// How writes become durable.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskKind {
    /// At once.
    Atomic,
    /// In order, later; a crash keeps any prefix.
    Fifo,
}

/// How many entries one AppendEntries carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Batching {
    /// One: acknowledgements stop at every index.
    One,
    /// All that the follower lacks.
    All,
}

impl Batching {
    /// Its name, as in `three/one`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::All => "all",
        }
    }
}

/// The rules by which messages are judged dead. Only [`DeadRules::Sound`] is; the others test the tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeadRules {
    /// Against the term on the receiver's disk.
    Sound,
    /// Against its term in memory, which a crash takes back.
    AgainstMemory,
}

/// A box, exhausted with each of its batchings in turn.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// How many nodes.
    pub nodes: u8,
    /// No election begins a term beyond this one.
    pub max_term: Term,
    /// How many proposals clients make.
    pub proposals: u8,
    /// How many crashes there are in all.
    pub crashes: u8,
    /// How writes become durable.
    pub disk: DiskKind,
    /// Nodes ask before they begin a term.
    pub pre_vote: bool,
    /// Leaders step down that hear no majority.
    pub check_quorum: bool,
    /// Any disk may refuse writes at any moment.
    pub writes_fail: bool,
    /// How many snapshots nodes make in all.
    pub compactions: u8,
    /// How many snapshots arrive damaged in all.
    pub damages: u8,
    /// How many reads clients ask for.
    pub reads: u8,
    /// How often a leader is told to hand the leadership over.
    pub transfers: u8,
    /// How many entries and bytes, of one for each, may be on their way to a follower. Leaders keep no account if nothing is said.
    pub window: Option<(usize, usize)>,
    /// Clients are told what becomes of their proposals.
    pub outcomes: bool,
    /// How many entries one message carries.
    pub batching: Batching,
    /// The batchings with which the box is exhausted.
    pub batchings: &'static [Batching],
    /// Too large for `check --all`: exhausted by name only.
    pub is_large: bool,
    /// States that differ only in the nodes' names are one.
    pub symmetry: bool,
    /// Dead messages are removed. If not, every edge is judged: the dead must stay dead.
    pub removes_dead_messages: bool,
    /// By which rules.
    pub dead: DeadRules,
    /// From every state, the calm schedule must commit something new within this many rounds; not judged if 0.
    pub calm_rounds: usize,
    /// Goes into every fingerprint.
    pub salt: u64,
}

/// In the order in which `check --all` exhausts them.
const BOXES: [Bounds; 44] = [
    Bounds::new("solo", 1, 3, 2, 2, DiskKind::Fifo)
        .purpose("one server agrees with itself: commits as soon as its disk says so, and keeps it")
        .calm(30),
    Bounds::new("two", 2, 2, 1, 1, DiskKind::Fifo)
        .purpose("the smallest cluster with messages, an even one, and every crash point of its disks")
        .calm(30),
    Bounds::new("smoke", 3, 1, 1, 1, DiskKind::Atomic)
        .purpose("seconds: one term, its elections, one value, one crash")
        .calm(30),
    Bounds::new("three", 3, 2, 1, 1, DiskKind::Atomic)
        .purpose("the main job: elections, replication, commit, a crash, partition and rollback"),
    Bounds::new("three-calm", 3, 2, 1, 0, DiskKind::Atomic)
        .purpose("no state of two elections and a value is a wedge, also with any one node down")
        .calm(30),
    Bounds::new("three-values", 3, 2, 2, 0, DiskKind::Atomic)
        .purpose("two values: longer logs that diverge, longer rollbacks"),
    Bounds::new("three-terms", 3, 3, 0, 0, DiskKind::Atomic)
        .purpose("three elections: logs whose entries differ at one index though both are old")
        .calm(30),
    Bounds::new("figure-eight", 3, 2, 0, 0, DiskKind::Atomic)
        .purpose("the smallest in which it matters that a leader counts replicas of its own term alone")
        .one_entry_a_message()
        .calm(30),
    Bounds::new("three-disk", 3, 2, 0, 1, DiskKind::Fifo)
        .purpose("writes wait: a crash inside a step, messages that race their own writes"),
    Bounds::new("four", 4, 1, 1, 1, DiskKind::Atomic)
        .purpose("an even quorum: half of the nodes are no majority")
        .calm(30),
    Bounds::new("four-terms", 4, 2, 0, 0, DiskKind::Atomic)
        .purpose("two elections among four: votes that split in halves, majorities that overlap in two"),
    Bounds::new("five", 5, 1, 1, 0, DiskKind::Atomic)
        .purpose("majorities that share one node only, and nodes that no majority misses")
        .one_entry_a_message(),
    Bounds::new("pre-vote", 3, 2, 0, 0, DiskKind::Atomic)
        .purpose("who asks before it begins a term disrupts nobody, and nobody is shut out")
        .pre_vote()
        .calm(40),
    Bounds::new("check-quorum", 3, 1, 1, 1, DiskKind::Atomic)
        .purpose("a leader that hears no majority steps down, and so does one that cannot write")
        .check_quorum()
        .writes_fail()
        .calm(40),
    Bounds::new("smoke-on", 3, 1, 1, 1, DiskKind::Atomic)
        .purpose("smoke as a cluster runs: pre-vote and check-quorum")
        .pre_vote()
        .check_quorum()
        .calm(40),
    Bounds::new("two-on", 2, 2, 0, 1, DiskKind::Fifo)
        .purpose("two as a cluster runs, without the proposal: pre-votes say what no disk has")
        .pre_vote()
        .check_quorum()
        .calm(40),
    Bounds::new("three-on", 3, 2, 0, 0, DiskKind::Atomic)
        .purpose("two elections as a cluster runs: silence towards who asks while a leader is heard")
        .pre_vote()
        .check_quorum(),
    Bounds::new("three-pre-vote", 3, 2, 1, 0, DiskKind::Atomic)
        .purpose("the main job with pre-vote, without the crash: two elections and a value")
        .pre_vote()
        .one_entry_a_message(),
    Bounds::new("three-check-quorum", 3, 2, 1, 0, DiskKind::Atomic)
        .purpose("the same with check-quorum")
        .check_quorum()
        .one_entry_a_message(),
    Bounds::new("three-values-on", 3, 1, 2, 0, DiskKind::Atomic)
        .purpose("two values as a cluster runs: every answer is a sign of life")
        .pre_vote()
        .check_quorum(),
    Bounds::new("three-disk-on", 3, 1, 0, 1, DiskKind::Fifo)
        .purpose("writes wait as a cluster runs: a term that was never on disk may be canvassed for again")
        .pre_vote()
        .check_quorum(),
    Bounds::new("four-on", 4, 1, 0, 0, DiskKind::Atomic)
        .purpose("an even quorum as a cluster runs: half of the nodes elect nobody and keep nobody in office")
        .pre_vote()
        .check_quorum()
        .calm(40),
    Bounds::new("snapshot", 3, 2, 0, 0, DiskKind::Atomic)
        .purpose("a follower lacks what its leader has compacted: the snapshot arrives in chunks, across elections")
        .compactions(1)
        .calm(40),
    Bounds::new("snapshot-newer", 3, 1, 1, 0, DiskKind::Atomic)
        .purpose("two snapshots: chunks of both in flight, an older one after a newer")
        .compactions(2),
    Bounds::new("snapshot-tail", 3, 2, 1, 0, DiskKind::Atomic)
        .purpose("a snapshot for a log that is longer than it, and conflicts")
        .compactions(1)
        .one_entry_a_message(),
    Bounds::new("snapshot-crash", 3, 1, 0, 1, DiskKind::Fifo)
        .purpose("every crash point of an installation: chunks staged, not yet durable, not yet in the log's place")
        .compactions(1)
        .calm(40),
    Bounds::new("snapshot-disk", 2, 2, 1, 1, DiskKind::Fifo)
        .purpose("every crash point of a compaction, across elections")
        .compactions(1)
        .calm(40),
    Bounds::new("snapshot-damaged", 3, 1, 0, 0, DiskKind::Atomic)
        .purpose("a snapshot that arrives damaged is thrown away, and asked for again")
        .compactions(1)
        .damages(1)
        .calm(40),
    Bounds::new("reads", 3, 2, 0, 0, DiskKind::Atomic)
        .purpose("a read through any node sees what was committed before, whoever leads or believes that it does")
        .reads(1)
        .calm(40),
    Bounds::new("transfer", 3, 2, 1, 0, DiskKind::Atomic)
        .purpose("the leadership is handed over while a client proposes, who is told the truth about it")
        .transfers(1)
        .outcomes()
        .one_entry_a_message()
        .calm(40),
    Bounds::new("snapshot-on", 3, 1, 1, 0, DiskKind::Atomic)
        .purpose("a snapshot as a cluster runs: while chunks are answered, the leader is followed")
        .pre_vote()
        .check_quorum()
        .compactions(1)
        .one_entry_a_message()
        .calm(40),
    Bounds::new("reads-on", 3, 1, 1, 0, DiskKind::Atomic)
        .purpose("a read as a cluster runs: a leader that hears no majority answers none")
        .pre_vote()
        .check_quorum()
        .reads(1)
        .one_entry_a_message()
        .calm(40),
    Bounds::new("transfer-on", 3, 2, 0, 0, DiskKind::Atomic)
        .purpose("the leadership is handed over though everyone hears a leader and would say no to whoever asks")
        .pre_vote()
        .transfers(1)
        .one_entry_a_message()
        .calm(40),
    Bounds::new("window", 2, 1, 2, 1, DiskKind::Atomic)
        .purpose("entries run ahead of their answers, arrive out of order, and are refused; the window is narrower than the log")
        .window(3, 2)
        .one_entry_a_message()
        .calm(30),
    Bounds::new("window-terms", 3, 2, 0, 0, DiskKind::Atomic)
        .purpose("the same across elections: a new leader probes logs that another was feeding")
        .window(1, 2)
        .calm(30),
    Bounds::new("window-snapshot", 2, 1, 1, 0, DiskKind::Atomic)
        .purpose("what was refused before a compaction is heard of after it")
        .compactions(1)
        .window(4, 3)
        .one_entry_a_message()
        .calm(40),
    Bounds::new("snapshot-window", 3, 1, 0, 0, DiskKind::Atomic)
        .purpose("questions and chunks that are asked once, and again by a heartbeat")
        .compactions(1)
        .window(2, 2)
        .one_entry_a_message()
        .calm(40),
    Bounds::new("two-all", 2, 2, 0, 0, DiskKind::Atomic)
        .purpose("every feature at once; two nodes, so that nobody needs a snapshot")
        .pre_vote()
        .check_quorum()
        .compactions(1)
        .reads(1)
        .transfers(1)
        .window(2, 1)
        .calm(40),
    Bounds::new("unreduced-all", 2, 2, 0, 1, DiskKind::Atomic)
        .purpose("the dead stay dead with snapshots, reads, transfers and a window")
        .compactions(1)
        .reads(1)
        .transfers(1)
        .window(2, 2)
        .one_entry_a_message()
        .unreduced(),
    Bounds::new("unreduced-snapshot", 3, 1, 0, 1, DiskKind::Atomic)
        .purpose("the dead stay dead while a snapshot is on its way: two nodes never need one")
        .compactions(1)
        .unreduced(),
    Bounds::new("unreduced-on", 2, 2, 0, 1, DiskKind::Atomic)
        .purpose("the dead stay dead with pre-vote, check-quorum and disks that refuse")
        .pre_vote()
        .check_quorum()
        .writes_fail()
        .unreduced(),
    Bounds::new("three-large", 3, 3, 1, 0, DiskKind::Atomic)
        .purpose("three elections and a value: as much as an hour and 16 GiB allow")
        .large(),
    Bounds::new("unreduced-two", 2, 3, 0, 1, DiskKind::Fifo)
        .purpose("the dead stay dead: nothing is removed from the network, every edge is judged")
        .unreduced(),
    Bounds::new("unreduced-three", 3, 1, 1, 1, DiskKind::Atomic)
        .purpose("the same for three nodes, and smoke without its strongest reduction")
        .unreduced(),
];

impl Bounds {
    const fn new(
        name: &'static str,
        nodes: u8,
        max_term: u64,
        proposals: u8,
        crashes: u8,
        disk: DiskKind,
    ) -> Self {
        Self {
            name,
            purpose: "",
            nodes,
            max_term: Term(max_term),
            proposals,
            crashes,
            disk,
            pre_vote: false,
            check_quorum: false,
            writes_fail: false,
            compactions: 0,
            damages: 0,
            reads: 0,
            transfers: 0,
            window: None,
            outcomes: false,
            batching: Batching::All,
            batchings: &[Batching::One, Batching::All],
            is_large: false,
            symmetry: true,
            removes_dead_messages: true,
            dead: DeadRules::Sound,
            calm_rounds: 0,
            salt: 0,
        }
    }

    const fn purpose(self, purpose: &'static str) -> Self {
        Self { purpose, ..self }
    }

    const fn calm(self, calm_rounds: usize) -> Self {
        Self { calm_rounds, ..self }
    }

    const fn unreduced(self) -> Self {
        Self { removes_dead_messages: false, ..self }
    }

    const fn pre_vote(self) -> Self {
        Self { pre_vote: true, ..self }
    }

    const fn check_quorum(self) -> Self {
        Self { check_quorum: true, ..self }
    }

    const fn writes_fail(self) -> Self {
        Self { writes_fail: true, ..self }
    }

    const fn compactions(self, compactions: u8) -> Self {
        Self { compactions, ..self }
    }

    const fn damages(self, damages: u8) -> Self {
        Self { damages, ..self }
    }

    const fn reads(self, reads: u8) -> Self {
        Self { reads, ..self }
    }

    const fn transfers(self, transfers: u8) -> Self {
        Self { transfers, ..self }
    }

    const fn window(self, entries: usize, bytes: usize) -> Self {
        Self { window: Some((entries, bytes)), ..self }
    }

    const fn outcomes(self) -> Self {
        Self { outcomes: true, ..self }
    }

    const fn large(self) -> Self {
        Self { is_large: true, ..self }
    }

    /// For what only shows while an acknowledgement may stop at every index.
    const fn one_entry_a_message(self) -> Self {
        Self { batching: Batching::One, batchings: &[Batching::One], ..self }
    }

    /// Its name with the batching, as the checker prints it: `three/one`, or `three/one+terms=3` if it was altered.
    #[must_use]
    pub fn full_name(&self) -> String {
        let mut name = format!("{}/{}", self.name, self.batching.name());
        let Some(original) = Self::all().into_iter().find(|bounds| bounds.name == self.name) else {
            return name;
        };
        let alterations = [
            ("terms", original.max_term.0, self.max_term.0),
            ("proposals", original.proposals.into(), self.proposals.into()),
            ("crashes", original.crashes.into(), self.crashes.into()),
            ("symmetry", original.symmetry.into(), self.symmetry.into()),
            ("pre-vote", original.pre_vote.into(), self.pre_vote.into()),
            ("check-quorum", original.check_quorum.into(), self.check_quorum.into()),
            ("writes-fail", original.writes_fail.into(), self.writes_fail.into()),
            ("compactions", original.compactions.into(), self.compactions.into()),
            ("damages", original.damages.into(), self.damages.into()),
            ("reads", original.reads.into(), self.reads.into()),
            ("transfers", original.transfers.into(), self.transfers.into()),
            ("window", entries(original.window), entries(self.window)),
            ("outcomes", original.outcomes.into(), self.outcomes.into()),
        ];
        for (what, _, is) in alterations.into_iter().filter(|(_, was, is)| was != is) {
            name.push_str(&format!("+{what}={is}"));
        }
        name
    }

    /// The boxes of `seaworthy-model boxes`.
    #[must_use]
    pub const fn all() -> [Self; 44] {
        BOXES
    }

    /// The boxes of that name: `three` with both batchings, or `three/one` with that one.
    ///
    /// # Errors
    ///
    /// [`UnknownBox`], which names the choices.
    pub fn named(name: &str) -> Result<Vec<Self>, UnknownBox> {
        let of_name = |bounds: &Self| bounds.name == name || bounds.full_name() == name;
        let found: Vec<Self> = Self::all().into_iter().flat_map(Self::variants).filter(of_name).collect();
        if found.is_empty() { Err(UnknownBox(name.to_owned())) } else { Ok(found) }
    }

    /// The same box with another batching.
    #[must_use]
    pub const fn with_batching(self, batching: Batching) -> Self {
        Self { batching, ..self }
    }

    /// The box with each of its batchings.
    pub fn variants(self) -> impl Iterator<Item = Self> {
        self.batchings.iter().map(move |batching| self.with_batching(*batching))
    }

    /// The configuration that every node gets.
    ///
    /// # Panics
    ///
    /// For a box without nodes, of which there is none.
    #[must_use]
    pub fn config(&self) -> Config {
        let config = Config::new(NodeSet::first(self.nodes)).expect("every box has nodes");
        let config = config.with_pre_vote(self.pre_vote).with_check_quorum(self.check_quorum);
        let config = config.with_window(self.window.and_then(window));
        let config = config.with_max_bytes_per_chunk(NonZeroU64::MIN);
        match self.batching {
            Batching::One => config.with_max_entries_per_append(NonZeroUsize::MIN),
            Batching::All => config,
        }
    }
}

impl Bounds {
    /// The cluster as a script declares it: `cluster 3 max-entries 1 pre-vote`.
    #[must_use]
    pub fn cluster(&self) -> String {
        let limit = match self.batching {
            Batching::One => " max-entries 1",
            Batching::All => "",
        };
        let pre_vote = if self.pre_vote { " pre-vote" } else { "" };
        let check_quorum = if self.check_quorum { " check-quorum" } else { "" };
        let window = self.window.map(|(entries, bytes)| format!(" window {entries} window-bytes {bytes}"));
        format!("cluster {}{limit}{pre_vote}{check_quorum}{}", self.nodes, window.unwrap_or_default())
    }
}

fn window((entries, bytes): (usize, usize)) -> Option<Window> {
    Some(Window { entries: NonZeroUsize::new(entries)?, bytes: NonZeroUsize::new(bytes)? })
}

fn entries(window: Option<(usize, usize)>) -> u64 {
    window.map_or(0, |(entries, _)| entries as u64)
}

/// A name that no box has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownBox(pub String);

impl Display for UnknownBox {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let choices: Vec<&str> = Bounds::all().iter().map(|bounds| bounds.name).collect();
        write!(f, "no box is called \"{}\"; there are {}", self.0, choices.join(", "))?;
        f.write_str(", each also as BOX/one and, but for those of one entry a message, as BOX/all")
    }
}

impl std::error::Error for UnknownBox {}

/// A box in plain words, for JSON.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Summary {
    name: &'static str,
    purpose: &'static str,
    nodes: u8,
    terms: u64,
    proposals: u8,
    crashes: u8,
    disk: DiskKind,
    pre_vote: bool,
    check_quorum: bool,
    writes_fail: bool,
    compactions: u8,
    damages: u8,
    reads: u8,
    transfers: u8,
    window: Option<(usize, usize)>,
    outcomes: bool,
    removes_dead_messages: bool,
}

impl Bounds {
    /// The box in plain words.
    #[must_use]
    pub const fn summary(&self) -> Summary {
        let Self { name, purpose, nodes, max_term, proposals, crashes, disk, .. } = *self;
        let Self { pre_vote, check_quorum, writes_fail, removes_dead_messages, .. } = *self;
        let Self { compactions, damages, reads, transfers, window, outcomes, .. } = *self;
        let terms = max_term.0;
        Summary {
            name,
            purpose,
            nodes,
            terms,
            proposals,
            crashes,
            disk,
            pre_vote,
            check_quorum,
            writes_fail,
            compactions,
            damages,
            reads,
            transfers,
            window,
            outcomes,
            removes_dead_messages,
        }
    }
}
