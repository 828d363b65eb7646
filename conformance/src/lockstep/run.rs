//! A box, exhausted in lockstep.

use super::coverage::Covered;
use super::pair::{AGREE, Lockstep};
use seaworthy_model::bounds::Bounds;
use seaworthy_model::check::{self, Options, Until};
use seaworthy_model::system::Raft;
use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model};
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

/// What came of a box.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// The edges that it has, by the model alone.
    pub edges: u64,
    /// What was taken by both.
    pub covered: Covered,
    /// How long that took.
    pub time: Duration,
    /// The first disagreement, and the script that leads to it.
    pub disagreement: Option<String>,
}

impl Report {
    /// Was every edge taken, and did both agree on each?
    #[must_use]
    pub const fn is_exhausted(&self) -> bool {
        self.disagreement.is_none() && self.covered.edges == self.edges
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, edges, covered, time, disagreement } = self;
        let seconds = time.as_secs_f64();
        let rate = (covered.edges + covered.idle) as f64 / seconds.max(0.001);
        write!(
            f,
            "{name}: {} of {edges} edges, and {} actions that change nothing, in {seconds:.1} s ({rate:.0} a second)",
            covered.edges, covered.idle
        )?;
        if let Some(disagreement) = disagreement {
            write!(f, "\n{disagreement}")?;
        }
        Ok(())
    }
}

/// Exhausts a box: first the model alone, to know its edges, then both.
///
/// # Panics
///
/// If the simulated disk cannot be initialised.
#[must_use]
pub fn run(bounds: Bounds, threads: usize) -> Report {
    let options = Options { threads, until: Until::Exhausted, ..Options::default() };
    // Its properties are judged elsewhere: here it only counts.
    let alone = check::run(Raft::new(Bounds { calm_rounds: 0, ..bounds }), options);
    let lockstep = Lockstep::new(bounds).expect("an empty disk that works is initialised");
    let began = Instant::now();
    let checker = CheckerBuilder::spawn_bfs(
        lockstep.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures),
    )
    .join();
    let time = began.elapsed();
    // Read before the path is rebuilt, which takes steps too.
    let covered = checker.model().covered();
    let disagreement = checker.discovery(AGREE).map(|path| {
        let script: Vec<String> = path.clone().into_actions().iter().map(ToString::to_string).collect();
        let mismatch = path.last_state().mismatch().map(ToString::to_string).unwrap_or_default();
        format!("{}\n{mismatch}", script.join("\n"))
    });
    let name = checker.model().model().name();
    Report { name, edges: alone.generated - 1, covered, time, disagreement }
}
