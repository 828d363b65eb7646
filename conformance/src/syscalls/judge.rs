//! Walks through the traces of all nodes in the order of time, and looks whether what is said is durable.
//!
//! Within a process the order is strace's own, and exact. Between processes it is that of the system's clock, in microseconds: all run on one
//! machine. What depends on that, is what needs the disks of several nodes: acknowledgements to clients, and what leaders call committed.

use super::bytes::Bytes;
use super::claim::{Claim, claims, kind};
use super::disk::Order;
use super::held::{Standing, Vote};
use super::node::Node;
use super::report::{Report, Violation};
use super::strace::{Call, Moment, Trace, What};
use super::stream::Said;
use seaworthy::wal::FileName;
use seaworthy_protocol::notation::show;
use seaworthy_protocol::{Entry, Envelope, Index, LogId, Message, NodeId, Term};
use std::collections::BTreeMap;
use std::fmt;

/// What one process of a node did.
#[derive(Clone, Debug)]
pub struct Run {
    /// Which node.
    pub node: NodeId,
    /// Its first process, its second, …
    pub number: u32,
    /// Its calls.
    pub trace: Trace,
}

/// A trace from which nothing can be concluded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Blind {
    /// Which node.
    pub node: u8,
    /// Which of its processes.
    pub run: u32,
    /// The line of its trace.
    pub line: usize,
    /// What cannot be understood.
    pub what: String,
}

impl fmt::Display for Blind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, run, line, what } = self;
        write!(f, "nothing can be said: node {node}, process {run}, at line {line}: {what}")
    }
}

impl std::error::Error for Blind {}

/// Judges the whole life of a cluster, from empty directories on.
///
/// # Errors
///
/// If there is something in the traces that is not understood. It might make something durable, or say something.
pub fn judge(runs: &[Run]) -> Result<Report, Blind> {
    let mut nodes: BTreeMap<NodeId, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        nodes.entry(run.node).or_default().push(run);
    }
    let mut judge = Judge { nodes: Vec::new(), told: BTreeMap::new(), report: Report::default() };
    let ids: Vec<NodeId> = nodes.keys().copied().collect();
    let mut tapes = Vec::new();
    for (id, mut runs) in nodes {
        runs.sort_by_key(|run| run.number);
        judge.nodes.push(Node::new(id.get()));
        tapes.push(Tape { runs, run: 0, moment: 0 });
    }
    judge.report.nodes = tapes.len();
    judge.report.processes = runs.len();
    judge.report.calls = runs.iter().map(|run| run.trace.calls.len()).sum();
    // Of two that happen in the same microsecond, what returns comes first.
    let head = |tape: &mut Tape<'_>| tape.head().map(|(.., moment)| (moment.at, !moment.is_return));
    while let Some((_, place)) =
        tapes.iter_mut().enumerate().filter_map(|(place, tape)| Some((head(tape)?, place))).min()
    {
        judge.take(place, &mut tapes[place])?;
    }
    judge.report.disks = ids.into_iter().zip(judge.nodes.iter().map(|node| node.held.found())).collect();
    Ok(judge.report)
}

/// The runs of a node, one after the other.
struct Tape<'t> {
    runs: Vec<&'t Run>,
    run: usize,
    moment: usize,
}

impl<'t> Tape<'t> {
    /// What is next.
    fn head(&mut self) -> Option<(&'t Run, Moment)> {
        loop {
            let run = *self.runs.get(self.run)?;
            if let Some(moment) = run.trace.moments.get(self.moment) {
                return Some((run, *moment));
            }
            (self.run, self.moment) = (self.run + 1, 0);
        }
    }
}

/// Where a call is.
#[derive(Clone, Copy)]
struct At {
    /// Which node, in the order of their numbers.
    place: usize,
    run: u32,
    line: usize,
    now: Order,
}

struct Judge {
    nodes: Vec<Node>,
    /// The terms of the entries of which the leader of each term has told.
    told: BTreeMap<Term, BTreeMap<Index, Term>>,
    report: Report,
}

impl Judge {
    fn take(&mut self, place: usize, tape: &mut Tape<'_>) -> Result<(), Blind> {
        let Some((run, moment)) = tape.head() else { return Ok(()) };
        let Some(call) = run.trace.calls.get(moment.call) else { return Ok(()) };
        if tape.moment == 0 {
            self.report.unsynced += self.nodes[place].end_run();
        }
        let at = At { place, run: run.number, line: call.line, now: (run.number, tape.moment) };
        tape.moment += 1;
        let outcome = if moment.is_return { self.returned(at, call) } else { self.begins(at, call) };
        let node = self.nodes[place].id;
        outcome.map_err(|what| Blind { node, run: run.number, line: call.line, what })
    }

    fn object(&mut self, at: At, what: String) {
        let node = self.nodes[at.place].id;
        self.report.violations.push(Violation { node, run: at.run, line: at.line, what });
    }

    /// What leaves counts as gone when the call begins, and so does what is taken away.
    fn begins(&mut self, at: At, call: &Call) -> Result<(), String> {
        let node = &mut self.nodes[at.place];
        match &call.what {
            What::Open { path, creates, truncates } => {
                let Some((name, _)) = node.data_file(path) else { return Ok(()) };
                if *truncates || (*creates && !node.disk.is_there(name)) {
                    node.disk.begin_create(name);
                    self.may_be_gone(at, call, name);
                }
            }
            What::WriteAt { path, offset, bytes } => {
                let Some((name, file)) = node.data_file(path) else { return Ok(()) };
                if node.overwrites(name, file, *offset, bytes) {
                    self.object(at, format!("overwrites durable bytes of {name} from {offset} on"));
                }
            }
            What::Write { descriptor, target, bytes } => {
                let bytes = left(call, bytes);
                if target.starts_with("socket:") {
                    self.sends(at, target, &bytes)?;
                } else if *descriptor == 1 {
                    self.says(at, &bytes)?;
                } else if node.data_file(target).is_some() {
                    return Err("writes to a file of the log, and not at a place in it".to_owned());
                }
            }
            What::Sync { .. } => {}
            What::Rename { from, to } => {
                let file = node.data_file(from);
                // Whatever it is called then, it is none of the log's any more.
                if let Some((name, why)) =
                    file.and_then(|(name, file)| Some((name, node.objection_to_reuse(file)?)))
                {
                    self.object(at, format!("{why}: {name}"));
                }
                for path in [from, to] {
                    self.takes_away(at, call, path);
                }
            }
            What::Remove { path } => {
                let file = node.data_file(path);
                if let Some((name, why)) =
                    file.and_then(|(name, file)| Some((name, node.objection_to_removal(file)?)))
                {
                    self.object(at, format!("{why}: {name}"));
                }
                self.takes_away(at, call, path);
            }
            What::Other { name, paths } => {
                let concerns = |path: &String| {
                    path.starts_with("socket:") || node.is_directory(path) || node.data_file(path).is_some()
                };
                if name.starts_with("io_uring") || paths.iter().any(concerns) {
                    return Err(format!("what {name} does is not known here"));
                }
            }
        }
        Ok(())
    }

    fn takes_away(&mut self, at: At, call: &Call, path: &str) {
        let node = &mut self.nodes[at.place];
        if let Some((name, _)) = node.data_file(path) {
            node.disk.begin_remove(name);
            self.may_be_gone(at, call, name);
        }
    }

    /// Nobody knows what became of a call in which the process died.
    fn may_be_gone(&mut self, at: At, call: &Call, name: &str) {
        if call.result.is_none() {
            self.nodes[at.place].disk.removed(at.now, name);
        }
    }

    /// What is done counts as done when the call has returned.
    fn returned(&mut self, at: At, call: &Call) -> Result<(), String> {
        let node = &mut self.nodes[at.place];
        let result = call.result.unwrap_or(-1);
        let Ok(result) = u64::try_from(result) else { return Ok(()) };
        let never_opened = |_| "a file of the log that was there before the trace began".to_owned();
        match &call.what {
            What::Open { path, creates, truncates } => {
                let Some((name, _)) = node.data_file(path) else { return Ok(()) };
                if *truncates || (*creates && !node.disk.is_there(name)) {
                    node.disk.created(at.now, name);
                }
            }
            What::WriteAt { path, offset, bytes } => {
                let Some((name, _)) = node.data_file(path) else { return Ok(()) };
                node.disk.wrote(at.now, name, *offset, bytes.first(result)).map_err(never_opened)?;
            }
            What::Sync { path } => {
                let began = (at.run, call.began);
                let wrong = node.synced(path, began, &mut self.report).map_err(never_opened)?;
                wrong.into_iter().for_each(|what| self.object(at, what));
            }
            What::Rename { from, to } => {
                let (Some((from, _)), Some((to, _))) = (node.data_file(from), node.data_file(to)) else {
                    return Ok(());
                };
                node.disk.renamed(at.now, from, to).map_err(never_opened)?;
            }
            What::Remove { path } => {
                if let Some((name, _)) = node.data_file(path) {
                    node.disk.removed(at.now, name);
                }
            }
            What::Write { .. } | What::Other { .. } => {}
        }
        Ok(())
    }

    /// Bytes go to a peer.
    fn sends(&mut self, at: At, socket: &str, bytes: &Bytes) -> Result<(), String> {
        let stream = self.nodes[at.place].streams.entry(socket.to_owned()).or_default();
        stream.push(&bytes.to_vec());
        loop {
            let stream = self.nodes[at.place].streams.entry(socket.to_owned()).or_default();
            match stream.next()? {
                Some(Said::Handshake { directory, starts }) => {
                    self.report.handshakes += 1;
                    if self.nodes[at.place].identity() != Some((directory, starts)) {
                        self.object(
                            at,
                            format!("says that it starts for the time {starts} before that is durable"),
                        );
                    }
                }
                Some(Said::Frame(envelope)) => self.judge_frame(at, &envelope)?,
                None => return Ok(()),
            }
        }
    }

    fn judge_frame(&mut self, at: At, envelope: &Envelope<Vec<Entry<u64>>>) -> Result<(), String> {
        if envelope.from.get() != self.nodes[at.place].id {
            return Err("sends a frame in the name of another node".to_owned());
        }
        if !self.nodes.iter().any(|node| node.id == envelope.to.get()) {
            return Err(format!("sends a frame to {}, of which there is no trace", envelope.to));
        }
        *self.report.frames.entry(kind(&envelope.message)).or_default() += 1;
        self.hear_leader(at, envelope);
        for claim in claims(envelope) {
            self.report.claims += 1;
            if let Err(why) = self.check(at, envelope.term, claim) {
                self.object(at, format!("{}: {why}", show::<_, u64>(envelope)));
            }
        }
        Ok(())
    }

    /// What a leader says of its log, whoever acknowledges it must have.
    fn hear_leader(&mut self, at: At, envelope: &Envelope<Vec<Entry<u64>>>) {
        let mut ids = Vec::new();
        match &envelope.message {
            Message::AppendEntries { prev_log, entries, leader_commit: _ } => {
                ids.push(*prev_log);
                let indexes = prev_log.index.0 + 1..;
                ids.extend(
                    indexes
                        .zip(entries)
                        .map(|(index, entry)| LogId { term: entry.term, index: Index(index) }),
                );
            }
            Message::InstallSnapshot(chunk) => ids.push(chunk.snapshot.last),
            Message::RequestVote { .. }
            | Message::RequestVoteReply { .. }
            | Message::PreVote { .. }
            | Message::PreVoteGranted
            | Message::AppendEntriesReply(_)
            | Message::InstallSnapshotReply { .. }
            | Message::ReadIndex { .. }
            | Message::ReadIndexReply { .. }
            | Message::ReadRound { .. }
            | Message::ReadRoundReply { .. }
            | Message::TimeoutNow
            | Message::HigherTerm => {}
        }
        let log = self.told.entry(envelope.term).or_default();
        let differs = |id: &&LogId| log.get(&id.index).is_some_and(|term| *term != id.term);
        let differing = ids.iter().find(differs).copied();
        log.extend(ids.into_iter().map(|id| (id.index, id.term)));
        if let Some(id) = differing {
            self.object(at, format!("tells of {id} in term {}, where another entry stood", envelope.term));
        }
    }

    fn check(&mut self, at: At, term: Term, claim: Claim) -> Result<(), String> {
        let node = &self.nodes[at.place];
        let held = &node.held;
        match claim {
            Claim::Term if held.term() >= term => Ok(()),
            Claim::Term => Err(format!("the disk is in term {}", held.term())),
            Claim::Vote(candidate) => match held.has_voted(term, candidate) {
                Vote::Held => Ok(()),
                Vote::Superseded => {
                    self.report.superseded += 1;
                    Ok(())
                }
                Vote::Missing => Err(format!("the disk has no vote for {candidate}")),
            },
            Claim::Log(id) if id == LogId::default() || held.has_held(id, term) => Ok(()),
            Claim::Log(id) => Err(format!("the disk has no entry {id}")),
            Claim::Matched(Index(0)) => Ok(()),
            Claim::Matched(index) => match self.told.get(&term).and_then(|log| log.get(&index)) {
                Some(&told) => self.check(at, term, Claim::Log(LogId { term: told, index })),
                None => Err(format!("no leader of that term has told of index {index}")),
            },
            Claim::Snapshot(snapshot) if node.snapshots.contains(&snapshot) => Ok(()),
            Claim::Snapshot(snapshot) => Err(format!("{} is not durable", FileName::Snapshot(snapshot))),
            Claim::Committed(index) if self.is_committed(index) => Ok(()),
            Claim::Committed(index) => {
                Err(format!("no majority of the disks has the same entry at index {index}"))
            }
        }
    }

    fn is_majority(&self, count: usize) -> bool {
        count > self.nodes.len() / 2
    }

    fn is_committed(&self, index: Index) -> bool {
        let standing: Vec<Standing> = self.nodes.iter().filter_map(|node| node.held.term_at(index)).collect();
        let agreeing = |one: &Standing| match one {
            Standing::Term(term) => standing.iter().filter(|other| other.is(*term)).count(),
            Standing::Any => standing.iter().filter(|other| **other == Standing::Any).count(),
        };
        index == Index(0) || standing.iter().any(|one| self.is_majority(agreeing(one)))
    }

    /// A process says something to its client: who it is at first, then what came of what it was asked.
    fn says(&mut self, at: At, bytes: &Bytes) -> Result<(), String> {
        self.nodes[at.place].output.extend_from_slice(&bytes.to_vec());
        while let Some(end) = self.nodes[at.place].output.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.nodes[at.place].output.drain(..=end).collect();
            let line = String::from_utf8(line).map_err(|_| "says something that is no text")?;
            self.judge_line(at, line.trim_end()).ok_or_else(|| format!("says \"{}\"", line.trim_end()))?;
        }
        Ok(())
    }

    fn judge_line(&mut self, at: At, line: &str) -> Option<()> {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "node" => {
                let (id, rest) = rest.split_once(' ')?;
                let (_process, directory) = rest.split_once(' ')?;
                let node = &mut self.nodes[at.place];
                node.directory = (id.parse() == Ok(node.id)).then(|| directory.to_owned());
                node.directory.as_ref().map(|_| ())
            }
            "ok" => {
                let (command, index) = rest.split_once(' ')?;
                let (command, index) = (command.parse().ok()?, Index(index.parse().ok()?));
                self.report.acknowledgements += 1;
                let holders = self.nodes.iter().filter(|node| node.held.has_command(index, command)).count();
                if !self.is_majority(holders) {
                    let what = format!(
                        "acknowledges {command} at index {index}, which {holders} of {} disks have",
                        self.nodes.len()
                    );
                    self.object(at, what);
                }
                Some(())
            }
            "at" | "no" | "has" | "gave" => Some(()),
            _ => None,
        }
    }
}

/// Which bytes of a write may have left: those that the system took; all of them, if nobody was told how many.
fn left(call: &Call, bytes: &Bytes) -> Bytes {
    call.result.map_or_else(|| bytes.clone(), |count| bytes.first(u64::try_from(count).unwrap_or(0)))
}
