//! Clients: each does one thing after the other, and writes down what it asks for and what it is told.

use super::cluster::{Cluster, Silence};
use super::pipe::{Answer, Request};
use super::store::Change;
use super::{Outcome, PATIENCE};
use crate::history::{self, Action, Recorder};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a client waits for an answer. A node that is stopped gives none.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// What all clients of a run have in common.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) cluster: Cluster,
    pub(crate) recorder: Recorder,
    keys: usize,
    seed: u64,
    /// The next process of the history that is new.
    processes: AtomicU64,
    /// The last value that was written: no two are the same.
    values: AtomicI64,
    /// They are to come to an end.
    pub(crate) is_over: AtomicBool,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Client<'a> {
    all: &'a Clients,
    dice: Pcg64Mcg,
    /// As whom it appears in the history. Of whose operation nothing is known does nothing any more, so it takes another number then.
    process: u64,
    /// Whom it asks for changes.
    leader: usize,
    /// What it last saw of each key.
    seen: HashMap<String, history::Value>,
}

impl Clients {
    pub(crate) fn new(cluster: Cluster, recorder: Recorder, keys: usize, seed: u64) -> Self {
        let (processes, values, is_over) = (AtomicU64::new(0), AtomicI64::new(0), AtomicBool::new(false));
        Self { cluster, recorder, keys, seed, processes, values, is_over }
    }

    pub(crate) fn client(&self) -> Client<'_> {
        let process = self.processes.fetch_add(1, Ordering::Relaxed);
        let mut dice = Pcg64Mcg::seed_from_u64(self.seed ^ (process + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let leader = dice.random_range(0..self.cluster.nodes());
        Client { all: self, dice, process, leader, seen: HashMap::new() }
    }
}

impl Client<'_> {
    /// Goes on until it is over.
    pub(crate) fn work(&mut self) -> Outcome<()> {
        while !self.all.is_over.load(Ordering::Relaxed) {
            let key = self.key();
            let action = match (self.dice.random_range(0..4), self.seen.get(&key)) {
                (0, _) => Action::Write(self.value()),
                (1, Some(expected)) => Action::Cas { expected: *expected, new: self.value() },
                // What it has not seen it cannot expect.
                (_, _) => Action::Read,
            };
            self.act(&key, action)?;
        }
        Ok(())
    }

    /// Writes, to one node after the other, until a write is acknowledged.
    pub(crate) fn write(&mut self) -> Outcome<()> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let (key, value) = (self.key(), self.value());
            if self.act(&key, Action::Write(value))? == history::Outcome::Done {
                return Ok(());
            }
            self.all.cluster.faults.check()?;
        }
        let who = self.all.cluster.diagnosis();
        Err(format!("no write was acknowledged for half a minute: {who}").into())
    }

    fn key(&mut self) -> String {
        format!("key-{}", self.dice.random_range(0..self.all.keys))
    }

    fn value(&self) -> history::Value {
        Some(self.all.values.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Asks a node for one thing. What came of it?
    fn act(&mut self, key: &str, action: Action) -> Outcome<history::Outcome> {
        let (place, request) = self.request(key, action);
        self.all.recorder.begin(self.process, key, action)?;
        let answer = self.all.cluster.ask(place, request, ANSWER_WITHIN)?;
        let is_lost = self.follow(place, &action, &answer);
        let (outcome, note) = understand(answer);
        let note = format!("node {}{note}", place + 1);
        self.all.recorder.end(self.process, outcome, Some(note))?;
        match (outcome, action) {
            (history::Outcome::Found(value), _) => {
                self.seen.insert(key.to_owned(), value);
            }
            (history::Outcome::Done, Action::Write(new) | Action::Cas { new, .. }) => {
                self.seen.insert(key.to_owned(), new);
            }
            (history::Outcome::Failed, Action::Write(Some(new)) | Action::Cas { new: Some(new), .. }) => {
                self.seen.remove(key);
                self.all.cluster.progress.refuse(new);
            }
            (history::Outcome::Done | history::Outcome::Failed, _) => {}
            (history::Outcome::Unknown, _) => {
                self.process = self.all.processes.fetch_add(1, Ordering::Relaxed);
            }
        }
        if is_lost {
            // Asking without a pause would keep those from their work who are to elect somebody.
            thread::sleep(Duration::from_millis(2));
        }
        Ok(outcome)
    }

    /// Whom to ask, and how. Any node answers reads; changes go to whom it believes to lead, and now and then to any other.
    fn request(&mut self, key: &str, action: Action) -> (usize, Request) {
        let key = key.to_owned();
        let nodes = self.all.cluster.nodes();
        let any = self.dice.random_range(0..nodes);
        let goes_anywhere = action == Action::Read || self.dice.random_range(0..20) == 0;
        let place = if goes_anywhere { any } else { self.leader };
        // Who is not there is not asked: nothing could be learnt from that.
        let there = (0..nodes).map(|step| (place + step) % nodes).find(|it| self.all.cluster.is_there(*it));
        let request = match action {
            Action::Read => Request::Read(key),
            Action::Write(value) => Request::Change(Change::Write { key, value: value.unwrap_or_default() }),
            Action::Cas { expected, new } => {
                Request::Change(Change::Cas { key, expected, new: new.unwrap_or_default() })
            }
        };
        (there.unwrap_or(place), request)
    }

    /// Learns from an answer whom to ask for the next change. Is nobody known who would take it?
    fn follow(&mut self, place: usize, action: &Action, answer: &Result<Answer, Silence>) -> bool {
        if *action == Action::Read {
            return false;
        }
        let named = match answer {
            Ok(Answer::Done | Answer::Unchanged) => Some(place),
            Ok(Answer::Refused { leader, .. }) => leader.and_then(|id| usize::from(id).checked_sub(1)),
            Ok(Answer::Unknown { .. } | Answer::Found(_) | Answer::Everything(_) | Answer::Status { .. })
            | Err(Silence::NotThere | Silence::Killed | Silence::TooLate) => None,
        };
        let nodes = self.all.cluster.nodes();
        let leads = named.filter(|named| *named < nodes && self.all.cluster.is_there(*named));
        self.leader = leads.unwrap_or((place + 1) % nodes);
        leads.is_none()
    }
}

/// What is known after an answer, and why.
fn understand(answer: Result<Answer, Silence>) -> (history::Outcome, String) {
    match answer {
        Ok(Answer::Done) => (history::Outcome::Done, String::new()),
        Ok(Answer::Found(value)) => (history::Outcome::Found(value), String::new()),
        Ok(Answer::Unchanged) => (history::Outcome::Failed, " has found another value".to_owned()),
        Ok(Answer::Refused { why, .. }) => (history::Outcome::Failed, format!(": {why}")),
        Err(Silence::NotThere) => (history::Outcome::Failed, " was not there".to_owned()),
        Ok(Answer::Unknown { why }) => (history::Outcome::Unknown, format!(": {why}")),
        Err(Silence::Killed) => (history::Outcome::Unknown, " was killed".to_owned()),
        Err(Silence::TooLate) => (history::Outcome::Unknown, " has not answered in time".to_owned()),
        Ok(answer @ (Answer::Everything(_) | Answer::Status { .. })) => {
            (history::Outcome::Unknown, format!(" has said {answer:?}, which nobody has asked for"))
        }
    }
}
