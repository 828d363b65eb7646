//! The runs: each prepares itself, has its work counted, and makes sure that it was done.

use super::checking;
use crate::disk_log::{DiskLog, entries};
use crate::follower::{self, AGREED, Follower};
use crate::loops::Loops;
use crate::memory_files::MemoryFiles;
use crate::one_thread::Cluster;
use crate::raft_core::{InPlace, RaftCore};
use crate::workload::{Checksum, Command, payload};
use seaworthy::codec::{decode_frame, encode_frame};
use seaworthy::wal::Layout;
use seaworthy_protocol::{
    AppendOutcome, Durable, Entry, Envelope, Index, LogId, Message, NodeId, Snapshot, Term, Write,
};
use std::hint::black_box;

const PAYLOAD: usize = 64;

/// Carries out work, and counts it.
pub type Counted<'a> = &'a mut dyn FnMut(&mut dyn FnMut());

/// A fixed run: the same instructions each time, in one thread, without a clock, and without dice that matter.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Its name on the command line, and in what is recorded.
    pub name: &'static str,
    carry_out: fn(Counted<'_>),
}

const RUNS: [Run; 13] = [
    Run {
        name: "protocol/propose-3-nodes-64-in-flight",
        carry_out: |counted| propose::<3>(2_048, 64, counted),
    },
    Run {
        name: "protocol/propose-3-nodes-1-in-flight",
        carry_out: |counted| propose::<3>(1_024, 1, counted),
    },
    Run {
        name: "protocol/propose-5-nodes-64-in-flight",
        carry_out: |counted| propose::<5>(2_048, 64, counted),
    },
    Run { name: "protocol/append-entries", carry_out: append_entries },
    Run { name: "protocol/log", carry_out: log },
    Run {
        name: "loop/propose-3-nodes-64-in-flight",
        carry_out: |counted| propose_in_loops(2_048, 64, counted),
    },
    Run { name: "checker/smoke", carry_out: checking::smoke },
    Run { name: "codec/encode", carry_out: encode },
    Run { name: "codec/large", carry_out: large },
    Run { name: "codec/decode", carry_out: decode },
    Run { name: "codec/vote", carry_out: vote },
    Run { name: "wal/append", carry_out: wal_append },
    Run { name: "wal/recover", carry_out: wal_recover },
];

impl Run {
    /// All of them.
    #[must_use]
    pub const fn all() -> &'static [Self] {
        &RUNS
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        RUNS.into_iter().find(|run| run.name == name)
    }

    /// Carries it out; `counted` is given the work to do.
    ///
    /// # Panics
    ///
    /// If it was not done.
    pub fn carry_out(&self, counted: Counted<'_>) {
        (self.carry_out)(counted);
    }
}

fn propose<const NODES: usize>(count: u64, in_flight: u64, counted: Counted<'_>) {
    let mut cluster = Cluster::new(RaftCore::<InPlace>::cluster::<NODES>());
    let mut commands = commands(count);
    counted(&mut || cluster.carry(count, in_flight, &mut commands));
    assert_eq!(*cluster.state_machines(), [Checksum::after(count, PAYLOAD); NODES]);
}

fn propose_in_loops(count: u64, in_flight: u64, counted: Counted<'_>) {
    let mut loops = Loops::new(3);
    let mut commands = commands(count);
    counted(&mut || {
        loops.carry(count, in_flight, &mut commands, |_, work| work());
    });
    assert_eq!(loops.finish(), [Checksum::after(count, PAYLOAD); 3]);
}

fn commands(count: u64) -> impl FnMut(u64) -> Command {
    let mut commands = (0..count).map(|number| payload(number, PAYLOAD)).collect::<Vec<_>>().into_iter();
    move |_| black_box(commands.next().expect("one for each proposal"))
}

/// A follower gets new entries, entries in the place of others, and entries that it must refuse.
fn append_entries(counted: Counted<'_>) {
    const FOLLOWERS: usize = 64;
    let mut tried = Vec::new();
    for number in 0..FOLLOWERS {
        let count = [1, 16, 64][number % 3];
        let matched = AppendOutcome::Matched(Index(AGREED + count));
        let refused =
            AppendOutcome::Conflict { prev_log_index: follower::unknown().index, hint: follower::agreed() };
        for (left_behind, prev_log, outcome) in [
            (0, follower::agreed(), matched),
            (count, follower::agreed(), matched),
            (0, follower::unknown(), refused),
        ] {
            let message = follower::append_after(prev_log, follower::new_entries(count, PAYLOAD));
            tried.push((Follower::new(left_behind, PAYLOAD), Some(message), outcome));
        }
    }
    counted(&mut || {
        for (follower, message, _) in &mut tried {
            message.take().into_iter().for_each(|message| follower.receive(black_box(message)));
        }
    });
    for (follower, message, outcome) in &mut tried {
        assert_eq!((follower.answer(), message.is_none()), (Some(*outcome), true));
    }
}

/// A log grows by one and by many, gives way at its end, is asked for terms, and loses its beginning.
fn log(counted: Counted<'_>) {
    const HALF: usize = 2_048;
    const COUNT: u64 = 2 * HALF as u64;
    let mut durable: Durable<Command> = Durable::default();
    let one = |index| Write::Append { after: Index(index), entries: entries(1, PAYLOAD) };
    let mut writes: Vec<Write<Vec<Entry<Command>>>> = (0..COUNT / 2).map(one).collect();
    writes.push(Write::Append { after: Index(COUNT / 2), entries: entries(HALF, PAYLOAD) });
    writes.push(Write::Append { after: Index(COUNT - 64), entries: entries(64, PAYLOAD) });
    let last = LogId { term: Term(1), index: Index(COUNT) };
    let snapshot = Snapshot { last, length: 1, digest: 0 };
    let compact: Write<Vec<_>> = Write::Compact { snapshot, through: Index(COUNT - 1_024) };
    let (mut compact, mut sum) = (Some(compact), 0);
    counted(&mut || {
        assert!(writes.drain(..).all(|write| durable.redo(black_box(write))));
        let log = durable.log();
        let terms = (1..=COUNT).filter_map(|index| log.term_at(black_box(Index(index))));
        sum = terms.map(|term| term.0).sum();
        assert!(compact.take().is_some_and(|write| durable.redo(write)));
    });
    assert_eq!((sum, durable.log().last(), durable.log().entries().len()), (COUNT, last, 1_024));
}

fn sent(message: Message<Vec<Entry<Command>>>) -> Envelope<Vec<Entry<Command>>> {
    let node = |number| NodeId::new(number).expect("1 and 2 are nodes");
    Envelope { from: node(1), to: node(2), term: Term(3), message }
}

fn append(count: usize, size: usize) -> Envelope<Vec<Entry<Command>>> {
    let prev_log = LogId { term: Term(1), index: Index(70_000) };
    sent(Message::AppendEntries { prev_log, entries: entries(count, size), leader_commit: Index(69_000) })
}

/// Messages with one entry, and with many.
fn appends() -> Vec<Envelope<Vec<Entry<Command>>>> {
    [1, 64].map(|count| append(count, PAYLOAD)).into()
}

fn encoded(envelope: &Envelope<Vec<Entry<Command>>>) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_frame(&envelope.borrowed(), &[], &mut frame);
    frame
}

fn encode(counted: Counted<'_>) {
    let messages = appends();
    let whole: usize = messages.iter().map(|message| encoded(message).len()).sum();
    let (mut out, mut sum) = (Vec::new(), 0);
    counted(&mut || {
        for _ in 0..100 {
            for message in &messages {
                out.clear();
                encode_frame(&black_box(message).borrowed(), &[], &mut out);
                sum += black_box(&out).len();
            }
        }
    });
    assert_eq!(sum, 100 * whole);
}

fn decode(counted: Counted<'_>) {
    let messages = appends();
    let frames: Vec<Vec<u8>> = messages.iter().map(encoded).collect();
    let mut last = Vec::new();
    counted(&mut || {
        for _ in 0..100 {
            last.clear();
            last.extend(frames.iter().map(|frame| decode_frame::<Command>(black_box(frame))));
        }
    });
    let last: Vec<_> = last.into_iter().filter_map(Result::ok).map(|frame| frame.envelope).collect();
    assert_eq!(last, messages);
}

/// There and back, where most of the work is copying and checksums.
fn large(counted: Counted<'_>) {
    let message = append(64, 4_096);
    let (mut out, mut came) = (Vec::new(), None);
    counted(&mut || {
        for _ in 0..16 {
            out.clear();
            encode_frame(&black_box(&message).borrowed(), &[], &mut out);
            came = decode_frame::<Command>(black_box(&out)).ok().map(|frame| frame.envelope);
        }
    });
    assert_eq!(came, Some(message));
}

fn vote(counted: Counted<'_>) {
    let last_log = LogId { term: Term(1), index: Index(70_000) };
    let question = sent(Message::RequestVote { last_log });
    let (mut out, mut same) = (Vec::new(), 0);
    counted(&mut || {
        for _ in 0..1_000 {
            out.clear();
            encode_frame(&black_box(&question).borrowed(), &[], &mut out);
            let came = decode_frame::<Command>(black_box(&out)).map(|frame| frame.envelope);
            same += usize::from(came.as_ref() == Ok(&question));
        }
    });
    assert_eq!(same, 1_000);
}

/// Small, so that a segment ends now and then, and zeros are not most of what is written.
fn layout() -> Layout {
    Layout { segment_size: 256 << 10, ..Layout::default() }
}

/// Batches of 64 and single ones, over the ends of segments.
fn fill(log: &mut DiskLog<MemoryFiles>, batch: &[Entry<Command>]) {
    for _ in 0..96 {
        log.append(black_box(batch));
        log.append(black_box(&batch[..1]));
    }
}

const FILLED: Index = Index(96 * 65);

fn wal_append(counted: Counted<'_>) {
    let mut log = DiskLog::new(MemoryFiles::default(), layout());
    let batch = entries(64, PAYLOAD);
    counted(&mut || fill(&mut log, &batch));
    assert_eq!(DiskLog::open(log.into_files(), layout()).last_index(), FILLED, "it is there again");
}

fn wal_recover(counted: Counted<'_>) {
    let mut log = DiskLog::new(MemoryFiles::default(), layout());
    fill(&mut log, &entries(64, PAYLOAD));
    let (mut files, mut opened) = (Some(log.into_files()), None);
    counted(&mut || opened = files.take().map(|files| DiskLog::open(black_box(files), layout())));
    assert_eq!(opened.map(|log| log.last_index()), Some(FILLED));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_run_does_its_work_once_and_has_a_name_of_its_own() {
        for run in Run::all() {
            let mut times = 0;
            run.carry_out(&mut |work| {
                times += 1;
                work();
            });
            assert_eq!(times, 1, "{}", run.name);
            assert_eq!(Run::named(run.name).map(|found| found.name), Some(run.name));
        }
        let names: BTreeSet<_> = Run::all().iter().map(|run| run.name).collect();
        assert_eq!(names.len(), Run::all().len());
        assert!(Run::named("protocol").is_none());
    }

    #[test]
    fn work_that_was_not_done_is_noticed() {
        for run in Run::all() {
            let idle = std::panic::catch_unwind(|| run.carry_out(&mut |_| ()));
            assert!(idle.is_err(), "{} is content with nothing", run.name);
        }
    }
}
