//! What was judged, so that a judgement of nothing can be seen, and what was wrong.

use super::held::Found;
use seaworthy_protocol::NodeId;
use std::collections::BTreeMap;
use std::fmt;

/// What came of a judgement.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many nodes there were.
    pub nodes: usize,
    /// How many processes they had, one after the other.
    pub processes: usize,
    /// All calls that were looked at.
    pub calls: usize,
    /// Messages that were sent, by what they are called.
    pub frames: BTreeMap<&'static str, u64>,
    /// Durable facts that the messages asserted.
    pub claims: u64,
    /// Those of a vote of which the disk, in a later term, knows nothing more.
    pub superseded: u64,
    /// Hellos and welcomes.
    pub handshakes: u64,
    /// Records that became durable, by what they are called.
    pub records: BTreeMap<&'static str, u64>,
    /// Syncs that returned, by what was synced.
    pub syncs: BTreeMap<&'static str, u64>,
    /// Writes to files that a process had not synced when it was killed.
    pub unsynced: usize,
    /// Snapshots that became durable.
    pub snapshots: u64,
    /// Writes of which a client was told.
    pub acknowledgements: u64,
    /// What is certain to be on each node's disk in the end.
    pub disks: BTreeMap<NodeId, Found>,
    /// What was said before it was true.
    pub violations: Vec<Violation>,
}

/// Something that was said or done before what it takes was durable.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// The node.
    pub node: u8,
    /// Which of its processes.
    pub run: u32,
    /// The line of that process's trace.
    pub line: usize,
    /// What it was.
    pub what: String,
}

/// A cluster that works says these. Whoever judged none of one has judged nothing.
const EXPECTED: [&str; 4] = ["vote request", "vote granted", "AppendEntries", "append matched"];
/// So many violations are shown.
const SHOWN: usize = 20;

impl Report {
    /// What should have been seen and never was.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let is_missing = |kind: &&str| !self.frames.contains_key(kind);
        let mut missing: Vec<&str> = EXPECTED.into_iter().filter(is_missing).collect();
        if self.acknowledgements == 0 {
            missing.push("acknowledgement to a client");
        }
        for kind in ["segment", "directory"] {
            if !self.syncs.contains_key(kind) {
                missing.push(kind);
            }
        }
        missing
    }

    /// Was something judged, and nothing wrong?
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty() && self.missing().is_empty()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, run, line, what } = self;
        write!(f, "node {node}, process {run}, at line {line}: {what}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |counts: &BTreeMap<&str, u64>| {
            let texts: Vec<String> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
            if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
        };
        let total: u64 = self.frames.values().sum();
        writeln!(f, "{} processes of {} nodes, {} calls", self.processes, self.nodes, self.calls)?;
        writeln!(f, "{total} messages ({})", list(&self.frames))?;
        writeln!(
            f,
            "{} durable facts that they assert, {} of them about votes of a term that is over; {} handshakes",
            self.claims, self.superseded, self.handshakes
        )?;
        writeln!(f, "records that became durable: {}", list(&self.records))?;
        writeln!(f, "syncs: {}; {} snapshots became durable", list(&self.syncs), self.snapshots)?;
        writeln!(f, "{} writes were not synced when their process was killed", self.unsynced)?;
        writeln!(f, "{} acknowledgements to the client", self.acknowledgements)?;
        for violation in self.violations.iter().take(SHOWN) {
            writeln!(f, "{violation}")?;
        }
        match (self.violations.len(), self.missing()) {
            (0, missing) if missing.is_empty() => write!(f, "nothing was said before it was durable"),
            (0, missing) => write!(f, "this shows nothing, for it never saw: {}", missing.join(", ")),
            (count, _) => write!(f, "{count} times something was said or done too early"),
        }
    }
}
