//! Computers, wires and clients: one event after the other, in the order of their moments.

use super::clients::{self, Clients};
use super::files;
use super::judge::{Breach, Coverage, Judge};
use super::machine::{Machine, NodeWorld, Output, Said, StartError, arrived, is_canonical};
use super::mix::{Fault, Mix, settings};
use super::trouble::{self, Rates};
use rand::Rng;
use rand_pcg::Pcg64Mcg;
use seaworthy::codec::decode_frame;
use seaworthy::{Event, Request, Settings, Stop, Token};
use seaworthy_protocol::notation::show;
use seaworthy_protocol::{Index, NodeSet};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

const MS: u64 = 1_000_000;

/// A client gives up on an operation after so long.
const PATIENCE: u64 = 400 * MS;

/// A simulated cluster.
#[derive(Debug)]
pub struct Cluster {
    pub(super) mix: Mix,
    pub(super) dice: Pcg64Mcg,
    pub(super) now: u64,
    pub(super) machines: Vec<Machine>,
    /// Who reaches whom.
    pub(super) links: Vec<Vec<bool>>,
    pub(super) counts: trouble::Counts,
    pub(super) transfers: u64,
    /// Who waits for an answer, and of which node.
    waiting: BTreeMap<Token, usize>,
    pub(super) queue: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    numbered: u64,
    events: u64,
    pub(super) rates: Rates,
    pub(super) settings: Settings,
    pub(super) judge: Judge,
    clients: Clients,
    digest: u64,
    /// What happened, in words; nothing if nobody wants to read it.
    pub(super) trace: Option<Vec<String>>,
    disk_counts: files::Counts,
}

/// Something that is to happen. Ordered only to be put into a queue: its number decides first.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Happening {
    Deliver { to: usize, frame: Vec<u8> },
    Timer { machine: usize, life: u64 },
    Disk { machine: usize, life: u64 },
    StateMachine { machine: usize, life: u64 },
    Client { client: usize },
    GiveUp { client: usize, token: Token },
    Trouble,
    WakeUp { machine: usize },
    Resume { machine: usize },
    Room { machine: usize },
}

/// A run that found something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// What is broken.
    pub breach: Breach,
    /// At which event.
    pub event: u64,
    /// More about it.
    pub detail: String,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it found; nothing if all was well.
    pub failure: Option<Failure>,
    /// How many events it had, healing included.
    pub events: u64,
    /// How long it took in the simulated world.
    pub nanoseconds: u64,
    /// Of all that happened, in order.
    pub digest: u64,
    /// How many entries were committed.
    pub committed: Index,
    /// What went wrong.
    pub troubles: trouble::Counts,
    /// What clients did.
    pub clients: clients::Counts,
    /// What was done to disks.
    pub disks: files::Counts,
    /// What nodes did.
    pub coverage: Coverage,
    /// What happened, in words, if that was wanted.
    pub trace: Vec<String>,
}

impl Cluster {
    /// A cluster that has not begun.
    #[must_use]
    pub fn new(mix: Mix) -> Self {
        let mut dice = Pcg64Mcg::new(u128::from(mix.seed) << 8 | 0x5ea);
        let voters = NodeSet::first(mix.nodes);
        let count = usize::from(mix.nodes);
        let rates = Rates::of(&mix, &mut dice);
        let settings = settings(voters, &mut dice);
        let is_apart = dice.random_ratio(1, 3);
        let mut machines: Vec<Machine> = voters.iter().map(Machine::new).collect();
        for machine in &mut machines {
            machine.is_apart = is_apart;
            if mix.faults.contains(&Fault::Skew) {
                machine.speed = dice.random_range(800_000..1_250_000);
            }
        }
        let first = machines[0].id;
        let clients = Clients::new(mix.clients, first);
        Self {
            dice,
            now: 0,
            machines,
            links: vec![vec![true; count]; count],
            counts: trouble::Counts::default(),
            transfers: 0,
            waiting: BTreeMap::new(),
            queue: BinaryHeap::new(),
            numbered: 0,
            events: 0,
            rates,
            settings,
            judge: Judge::new(voters),
            clients,
            digest: 0,
            trace: None,
            disk_counts: files::Counts::default(),
            mix,
        }
    }

    /// Keeps what happens, in words.
    #[must_use]
    pub fn traced(mut self) -> Self {
        self.trace = Some(vec![self.mix.to_string()]);
        self
    }

    /// Runs to the end, or to the first breach.
    #[must_use]
    pub fn run(mut self) -> Outcome {
        let failure =
            self.try_run().err().map(|(breach, detail)| Failure { breach, event: self.events, detail });
        for machine in &mut self.machines {
            if let Some(files) = machine.files_mut() {
                self.disk_counts.add(&files.counts);
            }
        }
        Outcome {
            failure,
            events: self.events,
            nanoseconds: self.now,
            digest: self.digest,
            committed: self.judge.committed(),
            troubles: self.counts,
            clients: self.clients.counts,
            disks: self.disk_counts,
            coverage: self.judge.coverage,
            trace: self.trace.unwrap_or_default(),
        }
    }

    fn try_run(&mut self) -> Result<(), (Breach, String)> {
        for machine in 0..self.machines.len() {
            self.at(self.now, Happening::WakeUp { machine });
        }
        for client in 0..self.mix.clients {
            let at = self.dice.random_range(0..500) * MS;
            self.at(at, Happening::Client { client });
        }
        self.at(self.rates.pause, Happening::Trouble);
        while self.events < self.mix.events {
            self.happen()?;
        }
        self.heal()
    }

    /// The next thing happens.
    pub(super) fn happen(&mut self) -> Result<(), (Breach, String)> {
        let Some(Reverse((at, _, happening))) = self.queue.pop() else {
            return Err((Breach::NoProgress, "nothing will ever happen again".to_owned()));
        };
        self.now = self.now.max(at);
        if self.is_stale(&happening) {
            return Ok(()); // and no event: nothing happens
        }
        self.events += 1;
        match happening {
            Happening::Deliver { to, frame } => self.deliver(to, &frame),
            Happening::Timer { machine, .. } => self.turn(machine),
            Happening::Disk { machine, .. } => self.disk(machine),
            Happening::StateMachine { machine, .. } => self.carry_out(machine),
            Happening::Client { client } => self.client(client),
            Happening::GiveUp { client, token } => {
                if self.clients.waits_for(client, token) {
                    self.client(client)
                } else {
                    Ok(())
                }
            }
            Happening::Trouble => {
                trouble::strike(self);
                let pause = self.dice.random_range(0..=2 * self.rates.pause);
                self.at(self.now + pause, Happening::Trouble);
                Ok(())
            }
            Happening::WakeUp { machine } => self.wake_up(machine),
            Happening::Resume { machine } => {
                if self.machines[machine].running.is_some() {
                    self.turn(machine)
                } else {
                    Ok(())
                }
            }
            Happening::Room { machine } => {
                if let Some(files) = self.machines[machine].files_mut() {
                    files.troubles.is_full = false;
                }
                Ok(())
            }
        }
    }

    /// A timer that was set anew since, a disk of an earlier life, a client that has its answer.
    fn is_stale(&self, happening: &Happening) -> bool {
        match happening {
            Happening::Timer { machine, life } => {
                let computer = &self.machines[*machine];
                let is_due = computer.running.as_ref().is_some_and(|running| running.timer_at <= self.now);
                computer.life != *life || !is_due
            }
            Happening::Disk { machine, life } | Happening::StateMachine { machine, life } => {
                self.machines[*machine].life != *life
            }
            Happening::GiveUp { client, token } => !self.clients.waits_for(*client, *token),
            Happening::Deliver { .. }
            | Happening::Client { .. }
            | Happening::Trouble
            | Happening::WakeUp { .. }
            | Happening::Resume { .. }
            | Happening::Room { .. } => false,
        }
    }

    fn deliver(&mut self, to: usize, frame: &[u8]) -> Result<(), (Breach, String)> {
        let Some(running) = &mut self.machines[to].running else { return Ok(()) };
        let Some(event) = arrived(frame) else {
            return Err((Breach::FalseBlame, "a frame of ours cannot be read".to_owned()));
        };
        running.inbox.push_back(event);
        if let Some(trace) = &mut self.trace {
            trace.push(told(self.now, "arrives", frame));
        }
        self.turn(to)
    }

    /// A node takes a turn, unless it stands still.
    pub(super) fn turn(&mut self, machine: usize) -> Result<(), (Breach, String)> {
        let now = self.now;
        let local = self.machines[machine].local(now);
        let computer = &mut self.machines[machine];
        if computer.paused_until > now {
            return Ok(());
        }
        let Some(running) = &mut computer.running else { return Ok(()) };
        let mut output = Output::default();
        let mut world = NodeWorld {
            now: local,
            dice: &mut self.dice,
            inbox: &mut running.inbox,
            disk: &mut running.disk,
            tasks: &mut running.tasks,
            output: &mut output,
        };
        let outcome = running.node.turn(&mut world);
        if outcome.is_ok() {
            self.judge
                .see(running.node.node())
                .map_err(|breach| (breach, format!("seen at n{}", machine + 1)))?;
            self.schedule(machine);
        }
        self.take(machine, output)?;
        match outcome {
            Ok(()) => Ok(()),
            Err(stop) => self.stopped(machine, &stop),
        }
    }

    /// The timer and the disk of a node, after a turn.
    pub(super) fn schedule(&mut self, machine: usize) {
        let computer = &self.machines[machine];
        let (life, slowness) = (computer.life, computer.slowness);
        let Some(running) = &computer.running else { return };
        let due = computer.global(running.node.next_timer()).max(self.now + 1);
        let (was_due, is_working) = (running.timer_at, running.disk_is_working || running.disk.is_idle());
        let status = running.node.status();
        // What is in the digest: who did what when, and where it stands.
        let facts = [
            self.now,
            machine as u64,
            status.term.0,
            status.committed.0,
            status.last.index.0,
            status.applied.0,
        ];
        self.digest = facts.iter().fold(self.digest, |digest, fact| {
            (digest.rotate_left(7) ^ fact).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        let Some(running) = &mut self.machines[machine].running else { return };
        running.timer_at = due;
        running.disk_is_working |= !is_working;
        let begins = !running.applier_is_working && !running.tasks.is_empty();
        running.applier_is_working |= begins;
        if due != was_due {
            self.at(due, Happening::Timer { machine, life });
        }
        if !is_working {
            let takes = self.dice.random_range(50_000..200_000) * slowness;
            self.at(self.now + takes, Happening::Disk { machine, life });
        }
        if begins {
            // Now and then it takes longer than an election.
            let most = if self.dice.random_ratio(1, 200) { 500 * MS } else { MS };
            let takes = self.dice.random_range(1000..most);
            self.at(self.now + takes, Happening::StateMachine { machine, life });
        }
    }

    /// A disk does the next thing it was given.
    fn disk(&mut self, machine: usize) -> Result<(), (Breach, String)> {
        let Some(running) = &mut self.machines[machine].running else { return Ok(()) };
        running.disk_is_working = false;
        if let Some(done) = running.disk.work() {
            if let Some(trace) = &mut self.trace {
                trace.push(format!("{:>12.3} ms  n{} disk: {done:?}", ms(self.now), machine + 1));
            }
            running.inbox.push_back(Event::Disk(done));
        }
        if running.disk.wal().files().troubles.is_dead {
            self.counts.crashes += 1;
            self.counts.crashes_in_write += 1;
            self.bring_down(machine, true);
            return Ok(());
        }
        // A node that stands still leaves its disk at work.
        self.schedule(machine);
        self.turn(machine)
    }

    /// What came out of a turn goes its ways.
    pub(super) fn take(&mut self, machine: usize, output: Output) -> Result<(), (Breach, String)> {
        if let Some(fault) = output.faults.first() {
            return Err((Breach::FalseBlame, format!("n{} says: {fault}", machine + 1)));
        }
        for (to, frame) in output.frames {
            self.send(machine, usize::from(to.get()) - 1, frame)?;
        }
        for (token, said) in output.answers {
            self.answer(token, said)?;
        }
        Ok(())
    }

    fn send(&mut self, from: usize, to: usize, frame: Vec<u8>) -> Result<(), (Breach, String)> {
        self.counts.sent += 1;
        if let Ok(decoded) = decode_frame::<u64>(&frame) {
            self.judge.see_promise(&decoded.envelope.borrowed());
        }
        debug_assert!(is_canonical(&frame));
        if !self.links[from][to] {
            self.counts.cut += 1;
            return Ok(());
        }
        let mut chance = |thousandths: u32| thousandths > 0 && self.dice.random_ratio(thousandths, 1000);
        let (is_lost, is_twice, is_late) =
            (chance(self.rates.loss), chance(self.rates.duplication), chance(self.rates.late));
        if is_lost {
            self.counts.lost += 1;
            return Ok(());
        }
        let most = if is_late { 100 * self.rates.delay } else { self.rates.delay };
        self.counts.late += u64::from(is_late);
        if is_twice {
            self.counts.duplicated += 1;
            let at = self.now + self.dice.random_range(1000..50 * self.rates.delay);
            self.at(at, Happening::Deliver { to, frame: frame.clone() });
        }
        let at = self.now + self.dice.random_range(1000..most);
        self.at(at, Happening::Deliver { to, frame });
        Ok(())
    }

    fn answer(&mut self, token: Token, said: Said) -> Result<(), (Breach, String)> {
        if self.waiting.remove(&token).is_none() {
            return Err((Breach::AnsweredTwice, format!("{} was told {said:?}", token.0)));
        }
        if token.0 > u64::MAX / 2 {
            return Ok(()); // a transfer: nobody minds what becomes of it
        }
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>12.3} ms  client hears of {}: {said:?}", ms(self.now), token.0));
        }
        let client = self.clients.hear(token, said, &mut self.judge);
        let client = client.map_err(|breach| (breach, format!("{} was told {said:?}", token.0)))?;
        if let Some(client) = client {
            let rest = self.dice.random_range(0..20) * MS;
            self.at(self.now + rest, Happening::Client { client });
        }
        Ok(())
    }

    fn client(&mut self, client: usize) -> Result<(), (Breach, String)> {
        let is_write = self.dice.random_ratio(2, 3);
        // Sometimes it tries another node: the one it knows may be gone.
        let asks = self.dice.random_ratio(1, 4).then(|| self.dice.random_range(0..self.machines.len()));
        let (asks, token, request) =
            self.clients.begin(client, is_write, asks.map(|asks| self.machines[asks].id));
        self.at(self.now + PATIENCE, Happening::GiveUp { client, token });
        self.request(usize::from(asks.get()) - 1, token, request);
        self.turn(usize::from(asks.get()) - 1)
    }

    /// A client asks a node for something.
    pub(super) fn request(&mut self, machine: usize, token: Token, request: Request<u64>) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>12.3} ms  n{} is asked for {request:?}", ms(self.now), machine + 1));
        }
        if let Some(running) = &mut self.machines[machine].running {
            running.inbox.push_back(Event::Request { token, request });
            self.waiting.insert(token, machine);
        }
    }

    /// A node has stopped for good, as it should if its disk failed.
    fn stopped(&mut self, machine: usize, stop: &Stop) -> Result<(), (Breach, String)> {
        let failed = self.machines[machine].files_mut().is_some_and(|files| {
            files.counts.failed_writes + files.counts.failed_syncs > 0 || files.troubles.is_dead
        });
        if !(failed && matches!(stop, Stop::Disk(_))) {
            return Err((Breach::Stopped, format!("n{} says: {stop}", machine + 1)));
        }
        self.counts.stopped += 1;
        let crashes = self.dice.random();
        self.bring_down(machine, crashes);
        Ok(())
    }

    /// A process dies, or a system. It wakes up after a while.
    pub(super) fn bring_down(&mut self, machine: usize, is_system: bool) {
        if self.machines[machine].running.is_none() {
            return;
        }
        if let Some(trace) = &mut self.trace {
            let what = if is_system { "crashes" } else { "is killed" };
            trace.push(format!("{:>12.3} ms  n{} {what}", ms(self.now), machine + 1));
        }
        self.machines[machine].stop();
        self.waiting.retain(|_, asked| *asked != machine);
        if let Some(files) = self.machines[machine].files_mut() {
            if is_system { files.crash(&mut self.dice) } else { files.restart() }
        }
        let rest = self.dice.random_range(1..1500) * MS;
        self.at(self.now + rest, Happening::WakeUp { machine });
    }

    fn wake_up(&mut self, machine: usize) -> Result<(), (Breach, String)> {
        if self.machines[machine].is_lost || self.machines[machine].running.is_some() {
            return Ok(());
        }
        let (judge, mut verdict) = (&mut self.judge, Ok(()));
        let id = self.machines[machine].id;
        let started = self.machines[machine].start(self.now, self.settings, &mut self.dice, |durable| {
            verdict = judge.see_restart(id, durable);
        });
        verdict.map_err(|breach| (breach, format!("found by n{} when it woke up", machine + 1)))?;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>12.3} ms  n{} wakes up: {started:?}", ms(self.now), machine + 1));
        }
        match started {
            Ok(Some(was_cut)) => {
                self.counts.cuts += u64::from(was_cut);
                self.schedule(machine);
                Ok(())
            }
            Ok(None) => {
                if let Some(files) = self.machines[machine].files_mut() {
                    let has_died = files.troubles.is_dead;
                    self.counts.crashes += u64::from(has_died);
                    self.counts.crashes_in_write += u64::from(has_died);
                    self.counts.stopped += u64::from(!has_died);
                    if has_died { files.crash(&mut self.dice) } else { files.restart() }
                }
                self.at(self.now + MS, Happening::WakeUp { machine });
                Ok(())
            }
            Err(_) if self.machines[machine].is_rotten => {
                self.counts.damaged += 1;
                self.machines[machine].is_lost = true;
                Ok(())
            }
            Err(StartError::Open(error)) => {
                Err((Breach::DiskUnreadable, format!("n{}: {error}", machine + 1)))
            }
            Err(StartError::Stop(stop)) => Err((Breach::Stopped, format!("n{}: {stop}", machine + 1))),
        }
    }

    pub(super) fn pause(&mut self, machine: usize, until: u64) {
        let computer = &mut self.machines[machine];
        computer.paused_until = computer.paused_until.max(until);
        let until = computer.paused_until;
        self.at(until, Happening::Resume { machine });
    }

    pub(super) fn set_full(&mut self, machine: usize, until: u64) {
        if let Some(files) = self.machines[machine].files_mut() {
            files.troubles.is_full = true;
        }
        self.at(until, Happening::Room { machine });
    }

    pub(super) fn at(&mut self, at: u64, happening: Happening) {
        self.numbered += 1;
        self.queue.push(Reverse((at, self.numbered, happening)));
    }
}

const fn ms(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

fn told(now: u64, what: &str, frame: &[u8]) -> String {
    match decode_frame::<u64>(frame) {
        Ok(decoded) => {
            format!("{:>12.3} ms  {what}: {}", ms(now), show::<_, u64>(&decoded.envelope.borrowed()))
        }
        Err(error) => format!("{:>12.3} ms  {what}: {error}", ms(now)),
    }
}
