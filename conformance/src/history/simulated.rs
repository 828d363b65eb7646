//! Histories of registers that are atomic, told by clients whose requests and answers take their time: there is always an order.

use super::event::{Action, Event, Kind, Said, Value};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Simulated {
    /// How many operations.
    pub operations: usize,
    /// How many clients; each does one thing after the other.
    pub clients: usize,
    /// On how many keys.
    pub keys: usize,
    /// How many operations are never answered. Some of them take effect, most of these late.
    pub unknown: usize,
    /// How many different values there are; nothing if each is written once.
    pub values: Option<i64>,
    /// What the dice say.
    pub seed: u64,
}

impl Default for Simulated {
    /// Ten clients do a thousand things to one key, and are answered.
    fn default() -> Self {
        Self { operations: 1000, clients: 10, keys: 1, unknown: 0, values: None, seed: 1 }
    }
}

/// What happens next to an operation.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Phase {
    Begins,
    TakesEffect,
    Ends,
}

struct Running {
    process: u64,
    key: usize,
    action: Action,
    is_unknown: bool,
    /// What became of it; nothing before it takes effect.
    answer: Option<(Kind, Option<Said>)>,
}

struct World {
    dice: Pcg64Mcg,
    registers: Vec<Value>,
    values: Option<i64>,
    last_value: i64,
    /// When, which operation, what.
    agenda: BinaryHeap<Reverse<(u64, usize, Phase)>>,
    running: Vec<Running>,
    events: Vec<Event>,
}

impl Simulated {
    /// The events, in their order.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let mut dice = Pcg64Mcg::seed_from_u64(self.seed);
        let sample = rand::seq::index::sample(&mut dice, self.operations, self.unknown.min(self.operations));
        let unknown: BTreeSet<usize> = sample.into_iter().collect();
        let mut world = World {
            dice,
            registers: vec![None; self.keys],
            values: self.values,
            last_value: 0,
            agenda: BinaryHeap::new(),
            running: Vec::new(),
            events: Vec::new(),
        };
        for process in 0..self.clients {
            world.plan(process as u64, unknown.contains(&process), 0);
        }
        let mut processes = self.clients as u64;
        while let Some(Reverse((now, number, phase))) = world.agenda.pop() {
            match phase {
                Phase::Begins => world.begin(number, now),
                Phase::TakesEffect => world.take_effect(number),
                Phase::Ends => {
                    let mut process = world.end(number);
                    if world.running[number].is_unknown {
                        process = processes;
                        processes += 1;
                    }
                    let next = world.running.len();
                    if next < self.operations {
                        world.plan(process, unknown.contains(&next), now);
                    }
                }
            }
        }
        world.events
    }

    /// The same as lines of JSON.
    ///
    /// # Errors
    ///
    /// None that anybody knows of.
    pub fn lines(&self) -> Result<String, serde_json::Error> {
        let lines = self.events().iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        Ok(lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect())
    }
}

impl World {
    fn plan(&mut self, process: u64, is_unknown: bool, now: u64) {
        let key = self.dice.random_range(0..self.registers.len());
        // What it does is decided when it begins.
        self.running.push(Running { process, key, action: Action::Read, is_unknown, answer: None });
        let begins = now + self.dice.random_range(1..50);
        self.agenda.push(Reverse((begins, self.running.len() - 1, Phase::Begins)));
    }

    fn begin(&mut self, number: usize, now: u64) {
        let held = self.registers[self.running[number].key];
        let action = match self.dice.random_range(0..4) {
            0 | 1 => Action::Read,
            2 => Action::Write(Some(self.value())),
            _ => Action::Cas { expected: held, new: Some(self.value()) },
        };
        self.running[number].action = action;
        let effect = now + self.dice.random_range(1..100);
        let end = effect + self.dice.random_range(1..100);
        let is_unknown = self.running[number].is_unknown;
        // A third of those that are not answered is lost on the way, and others have been forgotten when they arrive.
        match (is_unknown, self.dice.random_range(0..3)) {
            (true, 0) => {}
            (true, 1) => {
                let late = end + self.dice.random_range(1..5000);
                self.agenda.push(Reverse((late, number, Phase::TakesEffect)));
            }
            (true | false, _) => self.agenda.push(Reverse((effect, number, Phase::TakesEffect))),
        }
        self.agenda.push(Reverse((end, number, Phase::Ends)));
        self.tell(number, Kind::Invoke, action.fields().1);
    }

    fn value(&mut self) -> i64 {
        self.last_value += 1;
        self.values.map_or(self.last_value, |values| self.dice.random_range(0..values))
    }

    fn take_effect(&mut self, number: usize) {
        let Running { action, key, .. } = self.running[number];
        let held = &mut self.registers[key];
        let said = action.fields().1;
        let answer = match action {
            Action::Read => (Kind::Ok, Some(Said::One(*held))),
            Action::Cas { expected, .. } if expected != *held => (Kind::Fail, said),
            Action::Write(value) | Action::Cas { new: value, .. } => {
                *held = value;
                (Kind::Ok, said)
            }
        };
        self.running[number].answer = Some(answer);
    }

    /// Answers, and says whom.
    fn end(&mut self, number: usize) -> u64 {
        let Running { process, is_unknown, action, answer, .. } = self.running[number];
        let (kind, said) = answer.filter(|_| !is_unknown).unwrap_or_else(|| (Kind::Info, action.fields().1));
        self.tell(number, kind, said);
        process
    }

    fn tell(&mut self, number: usize, kind: Kind, value: Option<Said>) {
        let Running { process, key, action, .. } = self.running[number];
        let (f, key) = (Some(action.fields().0), Some(key.to_string()));
        self.events.push(Event { process, kind, f, key, value, time: None, note: None });
    }
}
