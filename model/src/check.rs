//! Exhausting a box with stateright's engines.

use crate::pinned;
use crate::report::{Counterexample, Report, Verdict};
use crate::system::{Raft, State};
use crate::trace::{self, Script};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use stateright::report::{ReportData, ReportDiscovery, Reporter};
use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model, Property};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How stateright searches.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Breadth first: counterexamples are short.
    Bfs,
    /// Depth first: less memory.
    Dfs,
}

/// How long to search.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Until {
    /// To the first violation.
    Violation,
    /// Until this property has fallen.
    Falls(&'static str),
    /// To the end, for every property that falls.
    Exhausted,
}

/// How to run a check.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The search.
    pub engine: Engine,
    /// How many threads.
    pub threads: usize,
    /// How long to search.
    pub until: Until,
    /// Give up after so many states, repetitions included.
    pub at_most: Option<usize>,
    /// Show a progress line on the terminal.
    pub progress: bool,
}

impl Default for Options {
    /// Breadth first on all cores, quiet, to the first violation.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { engine: Engine::Bfs, threads, until: Until::Violation, at_most: None, progress: false }
    }
}

/// Exhausts the box, or stops at the first violation.
#[must_use]
pub fn run(model: Raft, options: Options) -> Report {
    let finish_when = match options.until {
        Until::Violation => HasDiscoveries::AnyFailures,
        Until::Falls(property) => HasDiscoveries::AnyOf(BTreeSet::from([property])),
        Until::Exhausted => HasDiscoveries::All,
    };
    let started = Instant::now();
    let again = model.again();
    let builder = model.checker().threads(options.threads).finish_when(finish_when);
    let builder = match options.at_most {
        Some(states) => builder.target_state_count(states),
        None => builder,
    };
    match options.engine {
        Engine::Bfs => {
            let report = finish(CheckerBuilder::spawn_bfs(builder), options, started);
            if options.until == Until::Exhausted {
                report
            } else {
                shortened(report, &again, options.threads)
            }
        }
        Engine::Dfs => finish(CheckerBuilder::spawn_dfs(builder), options, started),
    }
}

/// Stateright keeps the *last* violation of the 1,500 states that it expands at a time, and of all states when it goes on to the
/// end: its breadth first search does not answer the shortest path. So what fell is searched for again among the shorter
/// paths, until it does not fall there. (A mutant that falls in 3 steps was reported with 10.)
fn shortened(mut report: Report, model: &Raft, threads: usize) -> Report {
    let broken = report
        .verdicts
        .iter_mut()
        .filter_map(|verdict| Some((&verdict.property, verdict.counterexample.as_mut()?)));
    for (property, counterexample) in broken {
        while let Some(shorter) = shorter(model, property, counterexample.script.len(), threads) {
            *counterexample = shorter;
        }
    }
    report
}

/// How a property falls in fewer than so many steps.
fn shorter(model: &Raft, property: &str, steps: usize, threads: usize) -> Option<Counterexample> {
    let property = model.properties().into_iter().find(|known| known.name == property)?;
    let finish_when = HasDiscoveries::AnyOf(BTreeSet::from([property.name]));
    // A path of as many states as this has one step less; stateright does not expand states at the target depth.
    let builder =
        model.again().checker().threads(threads).finish_when(finish_when).target_max_depth(steps + 1);
    let checker = CheckerBuilder::spawn_bfs(builder).join();
    let script = Script(checker.discovery(property.name)?.into_actions());
    Some(counterexample(checker.model(), &property, script))
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
        Verdict { property: property.name.to_owned(), counterexample }
    });
    let (servers, packets, steps) = model.steps().sizes();
    Report {
        r#box: model.name(),
        engine: options.engine,
        threads: options.threads,
        generated,
        distinct,
        depth: checker.max_depth() as u64,
        queue: distinct.saturating_sub(expanded),
        pinned: pinned::count(&model.name()),
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
