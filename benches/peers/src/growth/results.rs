//! What was measured of how costs grow, as its file has it.

use crate::machine::Machine;
use crate::measure::{Failure, Measured};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The file of a run.
pub(crate) const FIGURES: &str = "growth.json";

/// What grows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Curve {
    /// The nodes of a cluster.
    Nodes,
    /// The bytes of a payload.
    Payload,
    /// The entries that a log keeps.
    Log,
    /// The entries of a write-ahead log that is opened.
    Recovery,
    /// The clients that each wait for their answer before they propose again.
    Proposers,
}

/// What is measured.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    /// The protocol, all nodes in one thread.
    Core,
    /// `Builder`, `Network` and `Raft`, in memory.
    Api,
    /// The write-ahead log.
    Wal,
}

/// What a figure is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Figure {
    /// Nanoseconds for an entry.
    Entry,
    /// Nanoseconds for an entry, of all processors.
    Cpu,
    /// How often a thread went to sleep, for an entry.
    Sleeps,
    /// The median latency in microseconds.
    P50,
    /// One in a hundred took longer.
    P99,
    /// One in a thousand took longer.
    P999,
    /// Nanoseconds for an entry that a follower has missed.
    CatchUp,
    /// Nanoseconds to look up the term of an entry.
    LookUp,
    /// Microseconds to look for the last entry that two logs can share when they share none.
    Conflict,
    /// The longest latency in microseconds while the log grew.
    Pause,
    /// How much of the machine was busy with something else, in percent.
    Others,
}

/// The figures of one measurement.
pub(crate) type Figures = BTreeMap<Figure, f64>;

/// The figures of a cluster under a load.
pub(crate) fn figures(measured: &Measured) -> Figures {
    let always = [
        (Figure::Entry, measured.wall_ns_per_entry),
        (Figure::Cpu, measured.cpu_ns_per_entry),
        (Figure::P50, measured.p50_us),
        (Figure::P99, measured.p99_us),
        (Figure::P999, measured.p999_us),
    ];
    let told = [
        measured.sleeps_per_entry.map(|it| (Figure::Sleeps, it)),
        measured.others_percent.map(|it| (Figure::Others, it)),
    ];
    always.into_iter().chain(told.into_iter().flatten()).collect()
}

/// What came of a repetition: figures, or why there are none.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Repetition {
    Measured(Figures),
    Failed(String),
}

/// A point of a curve.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Point {
    pub(crate) curve: Curve,
    pub(crate) way: Way,
    /// How much there is of what grows.
    pub(crate) at: u64,
    /// How many proposals are under way at a time.
    pub(crate) in_flight: u64,
    #[serde(default)]
    pub(crate) repetitions: Vec<Repetition>,
}

impl Point {
    /// Is it about the same?
    pub(crate) fn is_the_same_as(&self, other: &Self) -> bool {
        let about = |it: &Self| (it.curve, it.way, it.at, it.in_flight);
        about(self) == about(other)
    }

    /// A figure of each repetition that has it.
    pub(crate) fn of(&self, figure: Figure) -> Vec<f64> {
        let measured = self.repetitions.iter().filter_map(|repetition| match repetition {
            Repetition::Measured(figures) => figures.get(&figure).copied(),
            Repetition::Failed(_) => None,
        });
        measured.collect()
    }
}

/// What was not measured, and why.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) curve: Curve,
    pub(crate) at: u64,
    pub(crate) reason: String,
}

/// What came of a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Growth {
    pub(crate) machine: Machine,
    pub(crate) repetitions: usize,
    /// How long a measurement was to take.
    pub(crate) seconds: f64,
    pub(crate) points: Vec<Point>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<LeftOut>,
}

impl Growth {
    /// The points of a curve that have figures, in order.
    pub(crate) fn of(&self, curve: Curve, way: Way) -> Vec<&Point> {
        let is_meant = |point: &&Point| point.curve == curve && point.way == way;
        let mut points: Vec<&Point> = self.points.iter().filter(is_meant).collect();
        points.retain(|point| !point.of(Figure::Entry).is_empty());
        points.sort_by_key(|point| point.at);
        points
    }

    /// Why measurements have failed.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for point in &self.points {
            for repetition in &point.repetitions {
                if let Repetition::Failed(reason) = repetition {
                    failures.push(format!("{}: {reason}", point.name()));
                }
            }
        }
        failures
    }

    /// The run of a directory, if there is any.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub(crate) fn read(directory: &Path) -> Result<Option<Self>, Failure> {
        let path = directory.join(FIGURES);
        if path.exists() { Ok(Some(serde_json::from_str(&fs::read_to_string(path)?)?)) } else { Ok(None) }
    }

    /// Writes it down, so that whoever stops it meanwhile finds the old file or the new one.
    ///
    /// # Errors
    ///
    /// If there is no room.
    pub(crate) fn write(&self, directory: &Path) -> Result<(), Failure> {
        let new = directory.join(format!("{FIGURES}.new"));
        fs::write(&new, serde_json::to_string_pretty(self)?)?;
        Ok(fs::rename(new, directory.join(FIGURES))?)
    }

    /// Takes over what another run has measured of the same points.
    ///
    /// # Errors
    ///
    /// If it was another machine, another program, or another length of time.
    pub(crate) fn go_on_with(&mut self, before: Self) -> Result<(), Failure> {
        if !before.machine.is_the_same_as(&self.machine) || before.seconds.to_bits() != self.seconds.to_bits()
        {
            return Err("there are figures already, of another machine, commit or duration".into());
        }
        for point in &mut self.points {
            if let Some(found) = before.points.iter().find(|it| it.is_the_same_as(point)) {
                point.repetitions.clone_from(&found.repetitions);
            }
        }
        Ok(())
    }
}

impl Point {
    /// As the command line has it.
    pub(crate) fn name(&self) -> String {
        let name = |value: Option<clap::builder::PossibleValue>| {
            value.map(|value| value.get_name().to_owned()).unwrap_or_default()
        };
        format!("{} {} {}", name(self.curve.to_possible_value()), name(self.way.to_possible_value()), self.at)
    }
}
