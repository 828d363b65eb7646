//! Measures libraries in turn, each in a process of its own, so that no allocator and no thread of one disturbs another.

use crate::Comparison;
use crate::library::{self, Lane, Variant};
use crate::machine::Machine;
use crate::measure::{Failure, Load, Measured};
use crate::report;
use clap::ValueEnum;
use serde::Serialize;
use std::fs;
use std::process::Command;

/// How many entries a first, short run has; and how many times more the next, while a run is too short to tell anything.
const FIRST: u64 = 2_000;
const MORE: u64 = 8;
/// The least seconds that tell something.
const TELLING: f64 = 0.1;

/// How many of them choose the variant.
const SHORT_RUNS: usize = 3;

/// Everything that was measured.
#[derive(Serialize)]
pub(crate) struct Comparisons {
    pub(crate) machine: Machine,
    pub(crate) lane: Lane,
    pub(crate) repetitions: usize,
    pub(crate) loads: Vec<Compared>,
}

/// Libraries under one load.
#[derive(Serialize)]
pub(crate) struct Compared {
    pub(crate) payload: usize,
    pub(crate) in_flight: u64,
    pub(crate) libraries: Vec<Series>,
}

/// A library under one load, once for each repetition.
#[derive(Serialize)]
pub(crate) struct Series {
    pub(crate) library: &'static str,
    pub(crate) variant: &'static str,
    /// How many entries each repetition had.
    pub(crate) entries: u64,
    pub(crate) repetitions: Vec<Repetition>,
}

/// What came of a repetition: figures, or why there are none.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Repetition {
    Measured(Measured),
    Failed(String),
}

impl Repetition {
    pub(crate) const fn measured(&self) -> Option<&Measured> {
        match self {
            Self::Measured(measured) => Some(measured),
            Self::Failed(_) => None,
        }
    }
}

/// Compares, prints tables, and writes the file that is wanted.
///
/// # Errors
///
/// If a measurement fails. The tables are printed nevertheless, and say so.
pub(crate) fn compare(comparison: &Comparison) -> Result<(), Failure> {
    let lane = comparison.lane;
    let libraries = chosen(lane, &comparison.libraries)?;
    let mut all = Comparisons {
        machine: Machine::here(),
        lane,
        repetitions: comparison.repetitions,
        loads: Vec::new(),
    };
    println!("{}", all.machine);
    for &payload in &comparison.payload {
        for &in_flight in &comparison.in_flight {
            let compared = compare_under(comparison, &libraries, payload, in_flight)?;
            report::print(lane, &compared);
            all.loads.push(compared);
        }
    }
    if let Some(path) = &comparison.json {
        fs::write(path, serde_json::to_string_pretty(&all)?)?;
    }
    let repetitions =
        all.loads.iter().flat_map(|load| &load.libraries).flat_map(|series| &series.repetitions);
    match repetitions.filter(|it| it.measured().is_none()).count() {
        0 => Ok(()),
        failed => Err(format!("{failed} measurements failed").into()),
    }
}

fn chosen(lane: Lane, wanted: &[String]) -> Result<Vec<&'static str>, Failure> {
    let of_lane = library::of(lane);
    if let Some(unknown) = wanted.iter().find(|it| *it != "all" && !of_lane.contains(&it.as_str())) {
        return Err(format!("no library {unknown} in this lane; there are {}", of_lane.join(", ")).into());
    }
    let is_wanted = |library: &&str| wanted.iter().any(|it| it == "all" || it == library);
    Ok(of_lane.into_iter().filter(is_wanted).collect())
}

fn compare_under(
    comparison: &Comparison,
    libraries: &[&'static str],
    payload: usize,
    in_flight: u64,
) -> Result<Compared, Failure> {
    let mut series = Vec::new();
    for library in libraries {
        let (variant, entries) = calibrate(comparison, library, payload, in_flight)?;
        series.push((variant, Load { payload, in_flight, entries }, Vec::new()));
    }
    for _ in 0..comparison.repetitions {
        for (variant, load, measured) in &mut series {
            measured.push(match measure_apart(variant, load) {
                Ok(figures) => Repetition::Measured(figures),
                Err(failure) => Repetition::Failed(failure.to_string()),
            });
        }
    }
    let libraries = series
        .into_iter()
        .map(|(variant, Load { entries, .. }, repetitions)| Series {
            library: variant.library,
            variant: variant.name,
            entries,
            repetitions,
        })
        .collect();
    Ok(Compared { payload, in_flight, libraries })
}

/// Which variant of a library is the fastest, and how many entries it takes in the time that a measurement is to have.
fn calibrate(
    comparison: &Comparison,
    library: &str,
    payload: usize,
    in_flight: u64,
) -> Result<(&'static Variant, u64), Failure> {
    let mut best: Option<(&'static Variant, f64)> = None;
    for variant in library::variants(comparison.lane, library) {
        let rate = short_runs(variant, payload, in_flight)?;
        if best.is_none_or(|(_, fastest)| rate > fastest) {
            best = Some((variant, rate));
        }
    }
    let (variant, rate) = best.ok_or("no such library")?;
    // Two digits are enough, and look less like an accident. The number is far from what a float cannot hold.
    let entries = rate * comparison.seconds;
    let unit = 10_f64.powf(entries.log10().floor() - 1.0).max(1.0);
    let rounded = format!("{:.0}", (entries / unit).round() * unit).parse()?;
    Ok((variant, rounded))
}

/// Entries in a second, roughly: the best of a few short runs.
fn short_runs(variant: &Variant, payload: usize, in_flight: u64) -> Result<f64, Failure> {
    let mut entries = FIRST.max(4 * in_flight);
    let run = |entries| {
        Ok::<_, Failure>(measure_apart(variant, &Load { payload, in_flight, entries })?.entries_per_second())
    };
    let mut best = run(entries)?;
    while entries as f64 / best < TELLING {
        entries *= MORE;
        best = run(entries)?;
    }
    for _ in 1..SHORT_RUNS {
        best = best.max(run(entries)?);
    }
    Ok(best)
}

/// Measures in a process of its own: this program, started again.
fn measure_apart(variant: &Variant, load: &Load) -> Result<Measured, Failure> {
    let Load { payload, in_flight, entries } = load;
    let lane = variant.lane.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let output = Command::new(std::env::current_exe()?)
        .args(["run", &lane, variant.library, variant.name])
        .args([payload.to_string(), in_flight.to_string(), entries.to_string()])
        .output()?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} ({}): {}", variant.library, variant.name, reason.trim()).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
