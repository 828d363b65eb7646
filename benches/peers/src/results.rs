//! Everything that was measured, as the file has it.

use crate::disk::gate::Verdict;
use crate::library::Lane;
use crate::machine::Machine;
use crate::measure::Measured;
use serde::{Deserialize, Serialize};

/// What came of a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) lanes: Vec<LaneResults>,
}

/// What came of it in one lane.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct LaneResults {
    pub(crate) lane: Lane,
    pub(crate) repetitions: usize,
    /// How long a measurement was to take.
    pub(crate) seconds: f64,
    /// Who was put to the test whether anything is answered before it is durable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gate: Vec<Tested>,
    pub(crate) loads: Vec<Compared>,
}

/// Who was put to the test, and what came of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Tested {
    pub(crate) library: String,
    pub(crate) variant: String,
    pub(crate) verdict: Verdict,
}

/// Libraries under one load.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Compared {
    pub(crate) payload: usize,
    pub(crate) in_flight: u64,
    pub(crate) libraries: Vec<Series>,
}

/// A library under one load, once for each repetition.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Series {
    pub(crate) library: String,
    pub(crate) variant: String,
    /// How many entries each repetition had.
    pub(crate) entries: u64,
    pub(crate) repetitions: Vec<Repetition>,
}

/// What came of a repetition: figures, or why there are none.
#[derive(Clone, Debug, Deserialize, Serialize)]
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

impl Series {
    /// A figure of each repetition that has any.
    pub(crate) fn of(&self, figure: impl Fn(&Measured) -> f64) -> Vec<f64> {
        self.repetitions.iter().filter_map(Repetition::measured).map(figure).collect()
    }
}

impl Results {
    /// How many measurements failed.
    pub(crate) fn failures(&self) -> usize {
        let loads = self.lanes.iter().flat_map(|lane| &lane.loads);
        let repetitions = loads.flat_map(|load| &load.libraries).flat_map(|series| &series.repetitions);
        repetitions.filter(|it| it.measured().is_none()).count()
    }
}
