//! Three processes, and who writes numbers to them: several at a time, to whoever leads.

use super::recorder::{RecordError, launch};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing takes so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// After so long without an answer another node is asked.
const SILENCE: Duration = Duration::from_secs(2);
/// While nobody leads, it is asked so often who does.
const PAUSE: Duration = Duration::from_millis(20);
/// So many writes are on their way at once.
const WINDOW: usize = 16;
/// After so many writes somebody is asked what there is.
const READS_EVERY: u64 = 25;

type Outcome<T> = Result<T, RecordError>;

/// A process, as the client sees it.
struct Process {
    /// strace, which ends with what it looks at.
    tracer: Child,
    /// The number that the system gave to the node's own process, once that has said it.
    number: Option<u32>,
    input: ChildStdin,
}

/// Three nodes, and what was asked of them.
pub(super) struct Cluster {
    directory: PathBuf,
    every: u64,
    addresses: Vec<String>,
    processes: Vec<Option<Process>>,
    /// How often each has started.
    runs: Vec<u32>,
    said: Receiver<(usize, u32, String)>,
    says: Sender<(usize, u32, String)>,
    dice: Pcg64Mcg,
    next: u64,
    /// Numbers that were written and not answered, and to whom, and when.
    waiting: BTreeMap<u64, (usize, Instant)>,
    acknowledged: u64,
    /// Who acknowledged last, or was named.
    leader: usize,
    /// Nobody is asked before.
    quiet_until: Instant,
    /// How many reads each has answered.
    reads: Vec<u64>,
}

fn failed(what: impl Into<String>) -> RecordError {
    RecordError::Cluster(what.into())
}

impl Cluster {
    pub(super) fn start(directory: &Path, every: u64, seed: u64) -> Outcome<Self> {
        // The system chooses ports. Another process may take one before its node does; then the node says so.
        let listeners: Result<Vec<TcpListener>, _> =
            (0..3).map(|_| TcpListener::bind("127.0.0.1:0")).collect();
        let listeners = listeners.map_err(|error| failed(error.to_string()))?;
        let address = |listener: &TcpListener| listener.local_addr().map(|address| address.to_string());
        let addresses = listeners.iter().map(address).collect::<Result<_, _>>();
        let addresses = addresses.map_err(|error| failed(error.to_string()))?;
        drop(listeners);
        let (says, said) = channel();
        let mut cluster = Self {
            directory: directory.to_owned(),
            every,
            addresses,
            processes: vec![None, None, None],
            runs: vec![0; 3],
            said,
            says,
            dice: Pcg64Mcg::seed_from_u64(seed ^ 1),
            next: 0,
            waiting: BTreeMap::new(),
            acknowledged: 0,
            leader: 0,
            quiet_until: Instant::now(),
            reads: vec![0; 3],
        };
        (0..3).try_for_each(|place| cluster.launch(place))?;
        Ok(cluster)
    }

    /// Starts a node, and waits until it has said which process it is.
    pub(super) fn launch(&mut self, place: usize) -> Outcome<()> {
        self.runs[place] += 1;
        let run = self.runs[place];
        let command = launch(&self.directory, (place + 1, run), self.every, &self.addresses);
        let spawned = command.and_then(|mut command| command.spawn());
        let mut tracer = spawned.map_err(|error| RecordError::NoStrace(error.to_string()))?;
        let pipes = tracer.stdin.take().zip(tracer.stdout.take());
        let (input, output) = pipes.ok_or_else(|| failed("a process has no pipes"))?;
        let says = self.says.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if says.send((place, run, line)).is_err() {
                    return;
                }
            }
            let _ = says.send((place, run, "gone".to_owned()));
        });
        self.processes[place] = Some(Process { tracer, number: None, input });
        let is_known = |cluster: &Self| {
            cluster.processes[place].as_ref().is_some_and(|process| process.number.is_some())
        };
        self.hear_until(is_known, |place| format!("node {} does not start", place + 1), place)
    }

    /// `kill -9`, at some moment after several writes were handed over at once.
    pub(super) fn kill_busy(&mut self, place: usize) -> Outcome<()> {
        self.waiting.clear();
        self.write_more();
        let patience = Duration::from_micros(self.dice.random_range(0..1500));
        self.hear(patience);
        self.kill(place)
    }

    /// `kill -9`. strace is let end by itself, so that nothing is missing in what it writes.
    fn kill(&mut self, place: usize) -> Outcome<()> {
        let Some(mut process) = self.processes[place].take() else { return Ok(()) };
        let number =
            process.number.ok_or_else(|| failed("a process is killed before it has said its number"))?;
        let killed = Command::new("kill").args(["-9", &number.to_string()]).status();
        if !killed.is_ok_and(|status| status.success()) {
            return Err(failed(format!("process {number} cannot be killed")));
        }
        process.tracer.wait().map_err(|error| failed(error.to_string()))?;
        self.waiting.retain(|_, (to, _)| *to != place);
        Ok(())
    }

    /// Who leads, as far as is known.
    pub(super) const fn leader(&self) -> usize {
        self.leader
    }

    /// One that runs and does not lead, by the dice.
    pub(super) fn any_follower(&mut self) -> usize {
        let runs = |place: &usize| *place != self.leader && self.processes[*place].is_some();
        let followers: Vec<usize> = (0..3).filter(runs).collect();
        followers.choose(&mut self.dice).copied().unwrap_or(self.leader)
    }

    /// Writes, until so many writes were acknowledged in all.
    pub(super) fn write_until(&mut self, count: u64) -> Outcome<()> {
        let (mut before, mut heard) = (self.acknowledged, Instant::now());
        while self.acknowledged < count {
            self.write_more();
            self.hear(PAUSE);
            if self.acknowledged > before {
                if self.acknowledged / READS_EVERY > before / READS_EVERY {
                    let place = self.dice.random_range(0..3);
                    self.tell(place, "get");
                }
                (before, heard) = (self.acknowledged, Instant::now());
            }
            if heard.elapsed() > PATIENCE {
                return Err(failed("no write is acknowledged any more"));
            }
        }
        Ok(())
    }

    fn write_more(&mut self) {
        let now = Instant::now();
        if self.waiting.values().any(|(_, asked)| asked.elapsed() > SILENCE) {
            self.waiting.retain(|_, (_, asked)| asked.elapsed() <= SILENCE);
            self.leader = (self.leader + 1) % 3;
        }
        while self.waiting.len() < WINDOW && now >= self.quiet_until {
            self.next += 1;
            let (number, leader) = (self.next, self.leader);
            if !self.tell(leader, &format!("put {number}")) {
                self.look_elsewhere(0);
                return;
            }
            self.waiting.insert(number, (leader, now));
        }
    }

    /// The one that was asked does not lead. It names who does, or nobody.
    fn look_elsewhere(&mut self, named: usize) {
        match named.checked_sub(1).filter(|place| self.processes[*place].is_some()) {
            Some(place) => self.leader = place,
            None => {
                self.leader = (self.leader + 1) % 3;
                self.quiet_until = Instant::now() + PAUSE;
            }
        }
    }

    /// Hands the leadership to a follower that runs. It has it, or not, when another acknowledges.
    pub(super) fn hand_over(&mut self) -> Outcome<()> {
        let heir = self.any_follower();
        let line = format!("give {}", heir + 1);
        if self.tell(self.leader, &line) { Ok(()) } else { Err(failed("who leads cannot be told anything")) }
    }

    /// Waits until a node answers a read: by then it has all that there was.
    pub(super) fn catch_up(&mut self, place: usize) -> Outcome<()> {
        let (began, answered) = (Instant::now(), self.reads[place]);
        while self.reads[place] == answered {
            if began.elapsed() > PATIENCE {
                return Err(failed(format!("node {} does not catch up", place + 1)));
            }
            self.tell(place, "get");
            self.hear(SILENCE);
        }
        Ok(())
    }

    /// Says something to a node; false if it is not there.
    fn tell(&mut self, place: usize, line: &str) -> bool {
        let Some(process) = &mut self.processes[place] else { return false };
        writeln!(process.input, "{line}").and_then(|()| process.input.flush()).is_ok()
    }

    fn hear_until(
        &mut self,
        is_done: impl Fn(&Self) -> bool,
        why: impl Fn(usize) -> String,
        place: usize,
    ) -> Outcome<()> {
        let began = Instant::now();
        while !is_done(self) {
            if began.elapsed() > PATIENCE {
                return Err(failed(why(place)));
            }
            self.hear(PAUSE);
        }
        Ok(())
    }

    /// Takes in what a node says next, if it comes in time, and whatever else has been said by then.
    fn hear(&mut self, patience: Duration) {
        let mut next = self.said.recv_timeout(patience).ok();
        while let Some((place, run, line)) = next {
            // What an earlier process has said last may come after it was killed, and counts all the same.
            self.take_in(place, run == self.runs[place], &line);
            next = self.said.try_recv().ok();
        }
    }

    fn take_in(&mut self, place: usize, is_current: bool, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
        match words[0] {
            "node" if is_current => {
                if let Some(process) = &mut self.processes[place] {
                    process.number = words.get(2).and_then(|word| word.parse().ok());
                }
            }
            "ok" => {
                self.acknowledged += 1;
                self.waiting.remove(&number(1));
                if is_current {
                    self.leader = place;
                }
            }
            "at" => {
                self.waiting.remove(&number(1));
                if place == self.leader {
                    self.look_elsewhere(usize::try_from(number(2)).unwrap_or_default());
                }
            }
            "no" => drop(self.waiting.remove(&number(1))),
            "has" => self.reads[place] += 1,
            "gone" if is_current => self.processes[place] = None,
            _ => {}
        }
    }

    /// Lets all nodes end in peace.
    pub(super) fn stop(mut self) -> Outcome<()> {
        for place in 0..3 {
            let Some(Process { mut tracer, input, .. }) = self.processes[place].take() else {
                return Err(failed(format!("node {} has ended by itself", place + 1)));
            };
            drop(input);
            let status = tracer.wait().map_err(|error| failed(error.to_string()))?;
            if !status.success() {
                return Err(failed(format!("node {} has ended with {status}", place + 1)));
            }
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        (0..3).for_each(|place| drop(self.kill(place)));
    }
}
