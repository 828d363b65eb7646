//! The kill matrix: which mutant fell to which property.

use crate::report::{Report, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// The kill matrix.
#[derive(Clone, Debug, Serialize)]
pub struct Matrix {
    rows: Vec<Row>,
}

/// A mutant in a box.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    mutant: String,
    /// The box, or the kept script.
    r#box: String,
    /// The property that must fall; nothing if the mutant must survive.
    expected: Option<String>,
    /// The properties that fell, each with the steps of its shortest known script.
    fallen: BTreeMap<String, usize>,
    /// Are there as many states as without the mutant?
    is_as_pinned: bool,
    distinct: u64,
    seconds: f64,
    /// Why the mutant could not be judged.
    failure: Option<String>,
}

impl Row {
    /// What became of a mutant in a box.
    #[must_use]
    pub fn new(mutant: &str, bounds: &str, expected: Option<String>, report: Report) -> Self {
        let is_as_pinned = report.is_as_pinned();
        let Report { distinct, seconds, verdicts, .. } = report;
        let fell = |verdict: Verdict| Some((verdict.property, verdict.counterexample?.script.len()));
        let fallen = verdicts.into_iter().filter_map(fell).collect();
        let (mutant, r#box) = (mutant.to_owned(), bounds.to_owned());
        Self { mutant, r#box, expected, fallen, is_as_pinned, distinct, seconds, failure: None }
    }

    /// What became of a mutant that a kept script was played on: the properties that fell, each with the first step after which
    /// it was broken.
    #[must_use]
    pub fn played(
        mutant: &str,
        script: &str,
        expected: Option<String>,
        fallen: BTreeMap<String, usize>,
    ) -> Self {
        let (mutant, r#box) = (mutant.to_owned(), script.to_owned());
        Self { mutant, r#box, expected, fallen, is_as_pinned: true, distinct: 0, seconds: 0.0, failure: None }
    }

    /// A mutant that could not be judged, and why. The others still can.
    #[must_use]
    pub fn failed(mutant: &str, bounds: &str, expected: Option<String>, failure: String) -> Self {
        let row = Self::played(mutant, bounds, expected, BTreeMap::new());
        Self { failure: Some(failure), ..row }
    }

    fn is_as_expected(&self) -> bool {
        let survives = || self.fallen.is_empty() && self.is_as_pinned && self.failure.is_none();
        self.expected.as_ref().map_or_else(survives, |property| self.fallen.contains_key(property))
    }
}

impl Matrix {
    /// The matrix of these rows.
    #[must_use]
    pub const fn new(rows: Vec<Row>) -> Self {
        Self { rows }
    }

    /// Did every mutant fall to the property it should, and the canary survive?
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.rows.iter().all(Row::is_as_expected)
    }
}

impl Display for Matrix {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut columns: Vec<&String> = self.rows.iter().flat_map(|row| row.fallen.keys()).collect();
        columns.sort();
        columns.dedup();
        writeln!(f, "steps to each property that falls; * is the one that must")?;
        for (number, property) in columns.iter().enumerate() {
            writeln!(f, "  [{}] {property}", number + 1)?;
        }
        write!(f, "{:<40} {:<18}", "mutant", "box")?;
        (1..=columns.len()).try_for_each(|number| write!(f, "{:>5}", format!("[{number}]")))?;
        writeln!(f, "{:>13} {:>7}  verdict", "states", "seconds")?;
        for row in &self.rows {
            write!(f, "{:<40} {:<18}", row.mutant, row.r#box)?;
            for column in &columns {
                let must = if row.expected.as_ref() == Some(column) { "*" } else { "" };
                let cell = row.fallen.get(*column).map(|steps| format!("{steps}{must}"));
                write!(f, "{:>5}", cell.unwrap_or_else(|| ".".to_owned()))?;
            }
            let verdict = match (row.is_as_expected(), &row.expected) {
                _ if row.failure.is_some() => "COULD NOT BE JUDGED",
                (true, Some(_)) => "killed",
                (true, None) => "survives, as it must",
                (false, Some(_)) => "NOT KILLED BY IT",
                (false, None) => "KILLED, BUT CHANGES NOTHING",
            };
            writeln!(f, "{:>13} {:>7.1}  {verdict}", row.distinct, row.seconds)?;
        }
        let killed = self.rows.iter().filter(|row| row.is_as_expected()).count();
        writeln!(f, "{killed} of {} as expected", self.rows.len())
    }
}
