//! The search for an order of the operations on one key in which each finds what it found.
//!
//! Just-in-time linearization (Lowe 2016, "Testing for linearizability"): the events are walked in the order in which they happened, with all
//! configurations in which everything so far may have come about. Nothing is put into the order before it has to be: when
//! an operation ends. Then whatever is pending may be put before it, in any order, and itself last; a configuration in which it
//! cannot be done is given up, and when none is left there is no order. Configurations that were met are not looked into twice.
//!
//! Three things about registers keep them few, without any verdict changing:
//!
//! - *What changes nothing is done at once.* A pending read of what the register holds, or a write of that, can be put here: whoever
//!   would have it later can pass over it.
//! - *A write can be buried.* When another write takes effect, those that are pending may have taken effect right before it: nobody sees
//!   them. Each of them may then count as done, or come later, until it ends. Both at once is one configuration, where taking either
//!   would make two for each of them. The same holds from the beginning for those of which nobody knows.
//! - *A write is not put anywhere but where it is seen*: by a pending read or cas that needs its value. Of several that
//!   do the same, the one is taken that must end first: the others can stand in for it later, and it cannot for them.

use super::deed::{Deed, Effect};
use super::event::Value;
use super::front::{Configuration, Front};
use super::slots::Slots;
use super::unknown;
use std::collections::{BTreeSet, HashSet, VecDeque};

/// What came of a search.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// There is an order. So many configurations were left at once, at most.
    Linearizable(usize),
    /// There is none.
    Violation(Failure),
}

/// Where no configuration was left.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// The event: the end of an operation.
    pub(super) event: usize,
    /// What the register might have held then, in all orders that explain what had ended before.
    pub(super) held: BTreeSet<Value>,
}

/// Is there an order of these operations, all on one key?
pub(super) fn search(deeds: Vec<Deed>) -> Verdict {
    let deeds = unknown::settle(deeds);
    let mut search = Search::default();
    search.front.insert(Configuration::default());
    let mut largest = 1;
    for moment in moments(&deeds) {
        let deed = &deeds[moment.deed];
        if moment.is_end {
            let after = search.end(moment.deed);
            if after.len() == 0 {
                return Verdict::Violation(Failure { event: moment.event, held: search.within_reach() });
            }
            search.front = after;
            search.forget(moment.deed);
        } else {
            search.begin(moment.deed, deed);
        }
        largest = largest.max(search.front.len());
    }
    Verdict::Linearizable(largest)
}

/// An operation begins, or ends.
struct Moment {
    event: usize,
    is_end: bool,
    deed: usize,
}

fn moments(deeds: &[Deed]) -> Vec<Moment> {
    let begins = deeds.iter().enumerate().map(|(deed, it)| Moment { event: it.begin, is_end: false, deed });
    let ends = deeds.iter().enumerate();
    let ends = ends.filter_map(|(deed, it)| it.end.map(|event| Moment { event, is_end: true, deed }));
    let mut moments: Vec<Moment> = begins.chain(ends).collect();
    // What is inferred from another's end comes before that end.
    moments.sort_by_key(|moment| (moment.event, !deeds[moment.deed].is_inferred));
    moments
}

/// An operation that has begun and not ended.
struct Pending {
    deed: usize,
    effect: Effect,
    end: Option<usize>,
    slot: usize,
}

#[derive(Default)]
struct Search {
    front: Front,
    /// Whoever must end first comes first, and whoever may never end comes last.
    pending: Vec<Pending>,
    /// Which of them are writes.
    writes: Slots,
    vacant: Vec<usize>,
}

impl Search {
    fn begin(&mut self, number: usize, deed: &Deed) {
        let slot = self.vacant.pop().unwrap_or(self.pending.len());
        let Deed { effect, end, .. } = *deed;
        let key = |end: Option<usize>| (end.is_none(), end);
        let place = self.pending.partition_point(|other| key(other.end) <= key(end));
        self.pending.insert(place, Pending { deed: number, effect, end, slot });
        match effect {
            Effect::Read(value) => self.front.must(slot, |held| held != value),
            Effect::Write(value) => {
                self.writes.insert(slot);
                if end.is_some() {
                    self.front.must(slot, |held| held != value);
                }
            }
            Effect::Cas(..) if end.is_some() => self.front.must(slot, |_| true),
            Effect::Cas(..) => {}
        }
    }

    /// What is left when an operation ends: all that it is done in.
    fn end(&self, number: usize) -> Front {
        let mut after = Front::default();
        let Some(ending) = self.pending.iter().find(|pending| pending.deed == number) else { return after };
        let mut open: VecDeque<Configuration> = VecDeque::new();
        for configuration in self.front.iter() {
            let (must, done) = (&configuration.must, &configuration.done);
            let (is_owed, is_done) = (must.contains(ending.slot), done.contains(ending.slot));
            // A write that may come, and has not, comes now or never.
            if is_owed || (!is_done && matches!(ending.effect, Effect::Write(_))) {
                open.push_back(configuration.clone());
            }
            if !is_owed {
                after.insert(without(configuration.clone(), ending.slot));
            }
        }
        // Whoever is no better than one that was met leads nowhere else. The shortest ways come first: they use up the least.
        let mut met = self.front.clone();
        while let Some(configuration) = open.pop_front() {
            for next in self.steps(&configuration, Some(ending)) {
                let reached = self.take(&configuration, next);
                let is_over = match ending.effect {
                    Effect::Read(value) => reached.value == value,
                    Effect::Write(_) | Effect::Cas(..) => next.slot == ending.slot,
                };
                if is_over {
                    after.insert(without(reached, ending.slot));
                } else if met.insert(reached.clone()) {
                    open.push_back(reached);
                }
            }
        }
        after
    }

    /// Frees an operation's slot.
    fn forget(&mut self, number: usize) {
        let Some(place) = self.pending.iter().position(|pending| pending.deed == number) else { return };
        let slot = self.pending.remove(place).slot;
        self.writes.remove(slot);
        self.vacant.push(slot);
    }

    /// The pending operations that change the register and can come next; with one that ends, those only that are of use for it or
    /// for others.
    fn steps(&self, from: &Configuration, ending: Option<&Pending>) -> Vec<&Pending> {
        let mut steps: Vec<&Pending> = Vec::new();
        for next in self.pending.iter().filter(|next| !from.done.contains(next.slot)) {
            let Some(left) = next.effect.leaves() else { continue };
            let is_possible = next.effect.needs().is_none_or(|value| value == from.value);
            let is_ending = ending.is_some_and(|ending| ending.slot == next.slot);
            // A write of what is there already can bury others all the same.
            let changes = left != from.value || self.writes.meets(&from.must);
            let is_idle = !changes
                || steps.iter().any(|other| other.effect == next.effect)
                || (ending.is_some() && !self.is_of_use(from, next, left));
            if is_possible && (is_ending || !is_idle) {
                steps.push(next);
            }
        }
        steps
    }

    fn is_of_use(&self, from: &Configuration, next: &Pending, left: Value) -> bool {
        let is_owed = matches!(next.effect, Effect::Cas(..)) && from.must.contains(next.slot);
        is_owed
            || self.pending.iter().any(|other| match other.effect {
                Effect::Read(value) => value == left && from.must.contains(other.slot),
                Effect::Cas(value, _) => value == left && !from.done.contains(other.slot),
                Effect::Write(_) => false,
            })
    }

    /// What is there after a pending operation has taken effect.
    fn take(&self, from: &Configuration, next: &Pending) -> Configuration {
        let mut reached = from.clone();
        reached.done.insert(next.slot);
        reached.must.remove(next.slot);
        reached.value = next.effect.leaves().unwrap_or(from.value);
        if matches!(next.effect, Effect::Write(_)) {
            reached.must.remove_all(&self.writes);
        }
        for other in &self.pending {
            match other.effect {
                Effect::Read(value) | Effect::Write(value) if value == reached.value => {
                    reached.must.remove(other.slot);
                }
                Effect::Read(_) | Effect::Write(_) | Effect::Cas(..) => {}
            }
        }
        reached
    }

    /// All values that the register may hold now: those of the configurations, and of what pending operations can make of them.
    fn within_reach(&self) -> BTreeSet<Value> {
        /// For people: with more values than that they would not read them.
        const ENOUGH: usize = 10_000;
        let mut open: Vec<Configuration> = self.front.iter().cloned().collect();
        let mut met: HashSet<Configuration> = open.iter().cloned().collect();
        while let Some(configuration) = open.pop().filter(|_| met.len() < ENOUGH) {
            for next in self.steps(&configuration, None) {
                let reached = self.take(&configuration, next);
                if met.insert(reached.clone()) {
                    open.push(reached);
                }
            }
        }
        met.iter().map(|configuration| configuration.value).collect()
    }
}

fn without(mut configuration: Configuration, slot: usize) -> Configuration {
    configuration.must.remove(slot);
    configuration.done.remove(slot);
    configuration
}
