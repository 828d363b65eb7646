//! Everything in one go: all lanes under all loads, one file with every figure, and pictures.

use crate::SHORT_RUNS;
use crate::compare::{self, Plan};
use crate::library::Lane;
use crate::machine::Machine;
use crate::measure::Failure;
use crate::page;
use crate::report;
use crate::results::{LaneResults, Results};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs;
use std::path::{Path, PathBuf};

/// What is measured.
#[derive(Args)]
pub(crate) struct Everything {
    /// Where the file of all figures and the pictures are written.
    #[arg(long)]
    out: PathBuf,
    /// How often each library is measured. From six on there are intervals.
    #[arg(long, default_value_t = 15)]
    repetitions: usize,
    /// How long a measurement is to take; with disks twice as long, as now and then a segment begins and a snapshot is made.
    #[arg(long, default_value_t = 0.7)]
    seconds: f64,
    /// Which lanes.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Lane::Core, Lane::Threads, Lane::Durable, Lane::OwnStore])]
    lanes: Vec<Lane>,
    /// A few minutes, to see whether everything works: fewer loads, three short repetitions of each, whatever else is said.
    #[arg(long)]
    quick: bool,
}

impl Everything {
    fn plans(&self) -> Result<Vec<Plan>, Failure> {
        let plan = |lane: &Lane| {
            let (longer, short_runs) = match lane {
                Lane::Core | Lane::Threads => (1.0, SHORT_RUNS),
                Lane::Durable | Lane::OwnStore => (2.0, SHORT_RUNS - 1),
            };
            let libraries = compare::chosen(*lane, &["all".to_owned()])?;
            let plan = Plan {
                lane: *lane,
                payloads: vec![64, 1_024],
                in_flight: vec![1, 64, 1_024, 8_192],
                repetitions: self.repetitions,
                short_runs,
                libraries,
                seconds: longer * self.seconds,
            };
            let quick = Plan {
                in_flight: vec![64, 1_024],
                repetitions: 3,
                short_runs: 1,
                seconds: 0.1,
                ..plan.clone()
            };
            Ok(if self.quick { quick } else { plan })
        };
        self.lanes.iter().map(plan).collect()
    }
}

/// Measures everything, and writes it down after each load, so that nothing is lost if it is interrupted.
///
/// # Errors
///
/// If a measurement fails, or there is no room.
pub(crate) fn all(wanted: &Everything) -> Result<(), Failure> {
    let plans = wanted.plans()?;
    fs::create_dir_all(&wanted.out)?;
    let mut results = Results { machine: Machine::here(), lanes: Vec::new() };
    let seconds: f64 = plans.iter().map(|plan| plan.duration().as_secs_f64()).sum();
    println!("{}\nThis takes about {:.0} minutes.", results.machine, (seconds / 60.0).ceil());
    let bar = ProgressBar::new(plans.iter().map(Plan::steps).sum::<usize>() as u64);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len}, {eta} left\n{msg}")?);
    for plan in plans {
        let before = results.lanes.clone();
        let mut news = |what: String| {
            bar.set_message(what);
            bar.inc(1);
        };
        let mut load_done = |lane: &LaneResults| {
            bar.suspend(|| show(lane));
            let lanes = [&before[..], std::slice::from_ref(lane)].concat();
            write(&wanted.out, &Results { machine: results.machine.clone(), lanes })
        };
        let lane = plan.carry_out(&mut news, &mut load_done)?;
        results.lanes.push(lane);
    }
    bar.finish_and_clear();
    page::draw(&results, &wanted.out)?;
    match results.failures() {
        0 => Ok(()),
        failed => Err(format!("{failed} measurements failed").into()),
    }
}

/// The last load of a lane.
pub(crate) fn show(lane: &LaneResults) {
    if let (1, Some(gate)) = (lane.loads.len(), report::gate(lane)) {
        println!("\n{gate}");
    }
    if let Some(load) = lane.loads.last() {
        println!("\n{}: {}", lane.lane.name(), report::table(lane.lane, load));
    }
}

fn write(directory: &Path, results: &Results) -> Result<(), Failure> {
    Ok(fs::write(directory.join(page::FIGURES), serde_json::to_string_pretty(results)?)?)
}
