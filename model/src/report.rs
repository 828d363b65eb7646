//! What there is to say about a check: for people, and as JSON.

use crate::check::Engine;
use crate::pinned::Count;
use indicatif::HumanCount;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// What a check found.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// The box, as `three/all`.
    pub r#box: String,
    /// The search.
    pub engine: Engine,
    /// The threads it ran on.
    pub threads: usize,
    /// States reached, repetitions included: the transitions, and the first state.
    pub generated: u64,
    /// Different states, up to symmetry if the box reduces by it.
    pub distinct: u64,
    /// The most states on a path, as TLC counts.
    pub depth: u64,
    /// States found and not expanded. 0: the box is exhausted.
    pub queue: u64,
    /// What `generated` and `distinct` were when the box was first exhausted; nothing for a box with altered bounds.
    pub pinned: Option<Count>,
    /// How long it took.
    pub seconds: f64,
    /// `generated` by `seconds`.
    pub states_per_second: f64,
    /// The chance that two different states had one 64-bit fingerprint, so that one was never looked at: an upper bound,
    /// for digests that are as good as random.
    pub collision_probability: f64,
    /// Different servers, messages and steps of a server that these states are made of.
    pub parts: [usize; 3],
    /// Each property with what became of it.
    pub verdicts: Vec<Verdict>,
}

/// What became of a property.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Verdict {
    /// Its name.
    pub property: String,
    /// The script that breaks it, shrunk, if there is one.
    pub counterexample: Option<Counterexample>,
}

/// How a property falls.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Counterexample {
    /// One action a line.
    pub script: Vec<String>,
    /// The path in the explorer.
    pub explorer: String,
}

impl Report {
    /// Was every reachable state expanded, did every property hold, and is the number of states the pinned one?
    #[must_use]
    pub fn is_proof(&self) -> bool {
        self.queue == 0 && self.broken().next().is_none() && self.is_as_pinned()
    }

    /// Is the number of states the pinned one, if one is pinned?
    #[must_use]
    pub fn is_as_pinned(&self) -> bool {
        let Self { generated, distinct, .. } = *self;
        self.pinned.is_none_or(|pinned| pinned == Count { generated, distinct })
    }

    /// The properties that fell.
    pub fn broken(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.counterexample.is_some())
    }
}

impl Report {
    fn outcome(&self) -> String {
        if self.broken().next().is_some() {
            return "VIOLATED".to_owned();
        }
        if self.queue > 0 {
            return "NOT EXHAUSTED".to_owned();
        }
        match self.pinned {
            None => "exhausted, every property holds".to_owned(),
            Some(_) if self.is_as_pinned() => {
                "exhausted, every property holds, the count is the pinned one".to_owned()
            }
            Some(Count { generated, distinct }) => {
                format!(
                    "every property holds, but {generated} states generated, {distinct} distinct are pinned"
                )
            }
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { generated, distinct, depth, queue, seconds, .. } = self;
        let (generated, distinct) = (HumanCount(*generated), HumanCount(*distinct));
        writeln!(f, "{}: {}", self.r#box, self.outcome())?;
        writeln!(
            f,
            "  {generated} states generated, {distinct} distinct, depth {depth}, {queue} left on queue"
        )?;
        writeln!(
            f,
            "  {seconds:.1} s on {} threads, {:.2} M states/s, chance of a fingerprint collision below {:.0e}",
            self.threads,
            self.states_per_second / 1e6,
            self.collision_probability,
        )?;
        let [servers, packets, steps] = self.parts.map(|count| HumanCount(count as u64));
        writeln!(f, "  made of {servers} servers, {packets} messages, {steps} steps of a server")?;
        for row in self.verdicts.chunks(3) {
            for Verdict { property, counterexample } in row {
                let verdict = if counterexample.is_some() { "BROKEN" } else { "holds" };
                write!(f, "  {property:<21} {verdict:<6}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
