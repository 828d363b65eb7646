//! Exhausting a box with stateright's engines, and what there is to say about it afterwards.

use crate::pinned::{self, Count};
use crate::system::{Raft, State};
use crate::trace::{self, Script};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde::Serialize;
use stateright::report::{ReportData, ReportDiscovery, Reporter};
use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model, Property};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

/// How stateright searches.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Breadth first: counterexamples are short.
    Bfs,
    /// Depth first: less memory.
    Dfs,
}

/// How to run a check.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The search.
    pub engine: Engine,
    /// How many threads.
    pub threads: usize,
    /// Search on after a violation, for every property that falls.
    pub keep_going: bool,
    /// Show a progress line on the terminal.
    pub progress: bool,
}

impl Default for Options {
    /// Breadth first on all cores, quiet, to the first violation.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { engine: Engine::Bfs, threads, keep_going: false, progress: false }
    }
}

/// What a check found.
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Its name.
    pub property: &'static str,
    /// The script that breaks it, shrunk, if there is one.
    pub counterexample: Option<Counterexample>,
}

/// How a property falls.
#[derive(Clone, Debug, Serialize)]
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

/// Exhausts the box, or stops at the first violation.
#[must_use]
pub fn run(model: Raft, options: Options) -> Report {
    let finish_when = if options.keep_going { HasDiscoveries::All } else { HasDiscoveries::AnyFailures };
    let started = Instant::now();
    let builder = model.checker().threads(options.threads).finish_when(finish_when);
    match options.engine {
        Engine::Bfs => finish(CheckerBuilder::spawn_bfs(builder), options, started),
        Engine::Dfs => finish(CheckerBuilder::spawn_dfs(builder), options, started),
    }
}

fn finish(checker: impl Checker<Raft> + Send + Sync, options: Options, started: Instant) -> Report {
    let checker =
        if options.progress { checker.join_and_report(&mut ProgressLine::new()) } else { checker.join() };
    let seconds = started.elapsed().as_secs_f64();
    let model = checker.model();
    // Read before any path is rebuilt, which lists actions too.
    let expanded = model.expanded();
    let (generated, distinct) = (checker.state_count() as u64, checker.unique_state_count() as u64);
    let mut discoveries = checker.discoveries();
    let verdicts = model.properties().into_iter().map(|property| {
        let path = discoveries.remove(property.name);
        let counterexample = path.map(|path| counterexample(model, &property, Script(path.into_actions())));
        Verdict { property: property.name, counterexample }
    });
    let (servers, packets, steps) = model.steps().sizes();
    Report {
        r#box: model.bounds().full_name(),
        engine: options.engine,
        threads: options.threads,
        generated,
        distinct,
        depth: checker.max_depth() as u64,
        queue: distinct.saturating_sub(expanded),
        pinned: pinned::count(&model.bounds().full_name()),
        seconds,
        states_per_second: generated as f64 / seconds,
        collision_probability: collision_probability(distinct, model.steps().permutations().len()),
        parts: [servers, packets, steps],
        verdicts: verdicts.collect(),
    }
}

fn counterexample(model: &Raft, property: &Property<Raft>, script: Script) -> Counterexample {
    let breaks = |state: &State| !(property.condition)(model, state);
    let script = trace::shrink(model, script, |_, states| states.last().is_some_and(breaks));
    let explorer = trace::explorer_path(model, &script).unwrap_or_default();
    Counterexample { script: script.0.iter().map(ToString::to_string).collect(), explorer }
}

/// Pairs of states by the space that the least of several digests is spread over.
fn collision_probability(distinct: u64, permutations: usize) -> f64 {
    let distinct = distinct as f64;
    distinct * distinct / 2.0 * permutations as f64 / 2_f64.powi(64)
}

/// One line that is written over: states so far and how fast they come.
struct ProgressLine {
    bar: ProgressBar,
}

impl ProgressLine {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        Self { bar }
    }
}

impl Reporter<Raft> for ProgressLine {
    fn report_checking(&mut self, data: ReportData) {
        if data.done {
            return self.bar.finish_and_clear();
        }
        let rate = data.total_states as f64 / data.duration.as_secs_f64().max(0.001);
        let (generated, distinct) =
            (HumanCount(data.total_states as u64), HumanCount(data.unique_states as u64));
        self.bar.set_message(format!(
            "{generated} states generated, {distinct} distinct, depth {}, {:.0} s, {:.2} M states/s",
            data.max_depth,
            data.duration.as_secs_f64(),
            rate / 1e6,
        ));
        self.bar.tick();
    }

    fn report_discoveries(&mut self, _: &Raft, _: BTreeMap<&'static str, ReportDiscovery<Raft>>) {}

    fn delay(&self) -> Duration {
        Duration::from_millis(50)
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
