//! What a log is asked for: everything that a node asks of its disk.

use super::ledger::{Ledger, snapshot_bytes, snapshot_of};
use rand::Rng;
use rand_pcg::Pcg64Mcg;
use seaworthy::codec::Record;
use seaworthy_protocol::{Chunk, Durable, Entry, Index, NodeId, Payload, Snapshot, Term, Write};

/// Records that become durable together.
pub type Records = Vec<Record<Vec<Entry<u64>>>>;

/// A step of a workload. What it comes to depends on what the log holds, so it can follow any other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// A batch.
    Together(&'static [Deed]),
    /// A batch of one record.
    Alone(Deed),
    /// A snapshot of the node's own up to its last entry, then the record that names it; so many entries stay in the log.
    Compact {
        /// How many.
        kept: u64,
    },
    /// A leader's snapshot, in chunks, so many entries beyond the end; then the record that puts it in the place of the log.
    Install {
        /// How many.
        ahead: u64,
    },
}

/// What a record does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    /// A vote in the next term.
    Vote,
    /// Entries, perhaps in the place of others.
    Append {
        /// How many entries go.
        cut: u64,
        /// How many come.
        added: u64,
    },
}

/// What is asked of a log, one after the other.
#[derive(Clone, Debug)]
pub enum Request {
    /// To make records durable; after each of them the log holds this.
    Append(Records, Vec<Durable<u64>>),
    /// To write a snapshot.
    Save(Snapshot),
    /// To take a chunk of a snapshot.
    Stage(Chunk),
    /// To verify and keep the snapshot that has arrived.
    KeepStaged(Snapshot),
}

/// Some of everything, beginning more than one segment, with batches larger than a page.
#[must_use]
pub fn workload() -> Vec<Step> {
    use Deed::{Append, Vote};
    vec![
        Step::Alone(Vote),
        Step::Together(&[Vote, Append { cut: 0, added: 3 }]),
        Step::Alone(Append { cut: 2, added: 30 }),
        Step::Together(&[Append { cut: 0, added: 170 }, Append { cut: 1, added: 20 }, Vote]),
        // This one does not fit behind the others.
        Step::Together(&[Append { cut: 30, added: 100 }, Vote, Append { cut: 0, added: 90 }]),
        Step::Compact { kept: 12 },
        Step::Together(&[Vote, Append { cut: 5, added: 1 }]),
        Step::Alone(Append { cut: 0, added: 300 }),
        Step::Install { ahead: 40 },
        Step::Alone(Append { cut: 0, added: 2 }),
        // Too large for any segment but its own.
        Step::Together(&[Append { cut: 1, added: 250 }, Append { cut: 9, added: 250 }]),
        Step::Alone(Vote),
        Step::Compact { kept: 0 },
        Step::Alone(Append { cut: 0, added: 1 }),
    ]
}

/// A step as the dice will have it.
pub fn any_step(dice: &mut Pcg64Mcg) -> Step {
    let batches: &[&[Deed]] = &[
        &[Deed::Vote, Deed::Append { cut: 1, added: 40 }],
        &[Deed::Append { cut: 0, added: 120 }, Deed::Append { cut: 60, added: 120 }],
        &[Deed::Append { cut: 0, added: 30 }, Deed::Append { cut: 0, added: 30 }, Deed::Vote],
        &[Deed::Append { cut: 7, added: 230 }, Deed::Append { cut: 0, added: 230 }, Deed::Vote],
    ];
    match dice.random_range(0..10) {
        0 => Step::Compact { kept: dice.random_range(0..20) },
        1 => Step::Install { ahead: dice.random_range(1..20) },
        2 => Step::Alone(Deed::Vote),
        3..=5 => Step::Together(batches[dice.random_range(0..batches.len())]),
        _ => Step::Alone(Deed::Append { cut: dice.random_range(0..4), added: dice.random_range(1..60) }),
    }
}

impl Step {
    /// What it asks of a log that holds what a ledger says.
    #[must_use]
    pub fn requests(&self, ledger: &Ledger) -> Vec<Request> {
        let before = ledger.latest();
        match *self {
            Self::Together(deeds) => vec![batch(before, deeds)],
            Self::Alone(deed) => vec![batch(before, &[deed])],
            Self::Compact { kept } => {
                let log = before.log();
                if log.entries().is_empty() {
                    return vec![batch(before, &[Deed::Vote])];
                }
                let snapshot = snapshot_of(log.last());
                let through = Index(log.last_index().0.saturating_sub(kept).max(log.base().index.0));
                vec![Request::Save(snapshot), shortened(before, Write::Compact { snapshot, through })]
            }
            Self::Install { ahead } => {
                let mut last = before.log().last();
                last.index.0 += ahead;
                last.term = before.current_term();
                let snapshot = snapshot_of(last);
                let mut requests = chunks(snapshot);
                requests.push(Request::KeepStaged(snapshot));
                requests.push(shortened(before, Write::Install { snapshot }));
                requests
            }
        }
    }
}

/// A snapshot in three chunks.
fn chunks(snapshot: Snapshot) -> Vec<Request> {
    let third = snapshot.length / 3;
    let ranges = [(0, third), (third, third), (2 * third, snapshot.length - 2 * third)];
    ranges.map(|(offset, length)| Request::Stage(Chunk { snapshot, offset, length })).to_vec()
}

fn batch(before: &Durable<u64>, deeds: &[Deed]) -> Request {
    let (mut durable, mut records, mut states) = (before.clone(), Vec::new(), Vec::new());
    for deed in deeds {
        let record = record(&durable, *deed);
        let is_possible = match record.clone() {
            Record::TermAndVote { current_term, voted_for } => {
                durable.redo(Write::<Vec<Entry<u64>>>::TermAndVote { current_term, voted_for })
            }
            Record::Append { after, entries } => durable.redo(Write::Append { after, entries }),
            Record::Compact { .. } | Record::Install { .. } => false,
        };
        assert!(is_possible, "a deed fits a log that begins at its base");
        records.push(record);
        states.push(durable.clone());
    }
    Request::Append(records, states)
}

fn record(durable: &Durable<u64>, deed: Deed) -> Record<Vec<Entry<u64>>> {
    let term = durable.current_term();
    match deed {
        Deed::Vote => Record::TermAndVote {
            current_term: Term(term.0 + 1),
            voted_for: NodeId::new(1 + u8::try_from(term.0 % 5).unwrap_or_default()),
        },
        Deed::Append { cut, added } => {
            let (log, snapshot) = (durable.log(), durable.snapshot());
            // What a snapshot covers is committed, and never cut.
            let floor = log.base().index.0.max(snapshot.map_or(0, |snapshot| snapshot.last.index.0));
            let after = Index(log.last_index().0.saturating_sub(cut).max(floor));
            // No two entries are alike, so that one in the place of another is noticed.
            let entry = |number: u64| Entry { term, payload: payload(term, after.0 + number) };
            Record::Append { after, entries: (1..=added).map(entry).collect() }
        }
    }
}

/// A command without a zero byte: whatever of it does not arrive is seen.
fn payload(term: Term, index: u64) -> Payload<u64> {
    let number = (term.0 * 31 + index).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 0x0101_0101_0101_0101;
    if index % 16 == 0 { Payload::Noop } else { Payload::Command(number) }
}

/// The record of a write that puts a snapshot in the place of entries; and one more behind it, as a node has that appends in the same
/// step.
fn shortened(before: &Durable<u64>, write: Write<Vec<Entry<u64>>>) -> Request {
    let mut durable = before.clone();
    assert!(durable.redo(write.clone()), "a snapshot of what is there, or beyond");
    let base = durable.log().base();
    let record = match write {
        Write::Compact { snapshot, .. } => Record::Compact { snapshot, base },
        Write::Install { snapshot } => Record::Install { snapshot },
        Write::TermAndVote { .. } | Write::Append { .. } => unreachable!("it has no snapshot"),
    };
    let (mut records, mut states) = (vec![record], vec![durable]);
    if let Request::Append(more, after) = batch(&states[0], &[Deed::Append { cut: 0, added: 1 }]) {
        records.extend(more);
        states.extend(after);
    }
    Request::Append(records, states)
}

impl Request {
    /// The bytes that go with a chunk.
    pub(super) fn chunk_bytes(chunk: &Chunk) -> Vec<u8> {
        let all = snapshot_bytes(chunk.snapshot.last);
        let skipped = usize::try_from(chunk.offset).unwrap_or(usize::MAX);
        let taken = usize::try_from(chunk.length).unwrap_or(usize::MAX);
        all.into_iter().skip(skipped).take(taken).collect()
    }
}
