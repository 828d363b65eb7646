//! What was recorded, and what has become of it.

use super::environment::Environment;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::{fs, io};
use thiserror::Error;

/// By how much a count may be off, up or down. Where they were recorded all runs but the checker's come to the very same count; other names
/// of directories, or a patched C library, move it by much less than this.
pub const TOLERANCE_PERCENT: u64 = 3;

/// Instructions by the names of runs.
pub type Counts = BTreeMap<String, u64>;

/// Counts, and where they are valid.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Where they were recorded.
    pub environment: Environment,
    /// What was counted.
    pub instructions: Counts,
}

/// Why what was recorded cannot be used, or could not be.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordedError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is none of ours.
    #[error("{} does not say what was recorded: {source}", path.display())]
    Text {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Recorded {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Whatever [`RecordedError`] says.
    pub fn read(path: &Path) -> Result<Self, RecordedError> {
        let failed = |source| RecordedError::File { path: path.to_owned(), source };
        let text = fs::read_to_string(path).map_err(failed)?;
        serde_json::from_str(&text).map_err(|source| RecordedError::Text { path: path.to_owned(), source })
    }

    /// Writes a file, in the place of what is there.
    ///
    /// # Errors
    ///
    /// Likewise.
    pub fn write(&self, path: &Path) -> Result<(), RecordedError> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|source| RecordedError::Text { path: path.to_owned(), source })?;
        fs::write(path, text + "\n").map_err(|source| RecordedError::File { path: path.to_owned(), source })
    }
}

/// What has become of one run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// As before, or within the tolerance.
    Within,
    /// More instructions than the tolerance allows.
    More,
    /// Fewer than it allows: what was won must be recorded, or it can be lost again unnoticed.
    Fewer,
    /// It was never recorded.
    New,
    /// It was recorded, and is no more.
    Gone,
}

/// What was recorded beside what was counted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Comparison(Vec<Row>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Row {
    run: String,
    recorded: Option<u64>,
    counted: Option<u64>,
}

impl Row {
    fn change(&self) -> Change {
        match (self.recorded, self.counted) {
            (Some(recorded), Some(counted)) => {
                let off = u128::from(recorded.abs_diff(counted)) * 100;
                if off <= u128::from(recorded) * u128::from(TOLERANCE_PERCENT) {
                    Change::Within
                } else if counted > recorded {
                    Change::More
                } else {
                    Change::Fewer
                }
            }
            (Some(_), None) => Change::Gone,
            (None, _) => Change::New,
        }
    }
}

impl Comparison {
    /// Compares all runs of both.
    #[must_use]
    pub fn new(recorded: &Counts, counted: &Counts) -> Self {
        let names: BTreeSet<&String> = recorded.keys().chain(counted.keys()).collect();
        let row = |name: &String| Row {
            run: name.clone(),
            recorded: recorded.get(name).copied(),
            counted: counted.get(name).copied(),
        };
        Self(names.into_iter().map(row).collect())
    }

    /// What has become of each run.
    pub fn changes(&self) -> impl Iterator<Item = (&str, Change)> {
        self.0.iter().map(|row| (row.run.as_str(), row.change()))
    }

    /// Is all as it was recorded?
    #[must_use]
    pub fn holds(&self) -> bool {
        self.changes().all(|(_, change)| change == Change::Within)
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let count = |count: Option<u64>| count.map_or_else(|| "–".to_owned(), |count| count.to_string());
        for row in &self.0 {
            let (recorded, counted) = (count(row.recorded), count(row.counted));
            write!(f, "{:<40} {recorded:>12} {counted:>12}", row.run)?;
            if let (Some(recorded), Some(counted)) = (row.recorded, row.counted) {
                let percent = 100.0 * (counted as f64 / recorded as f64 - 1.0);
                write!(f, "  {percent:+.2} %")?;
            }
            let verdict = match row.change() {
                Change::Within => "",
                Change::More => "  MORE than is tolerated",
                Change::Fewer => "  FEWER than is tolerated: record what was won",
                Change::New => "  NEVER RECORDED",
                Change::Gone => "  recorded, but NO SUCH RUN",
            };
            writeln!(f, "{verdict}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts<const N: usize>(counts: [(&str, u64); N]) -> Counts {
        counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }

    fn change(recorded: u64, counted: u64) -> Change {
        let comparison = Comparison::new(&counts([("run", recorded)]), &counts([("run", counted)]));
        let (_, change) = comparison.changes().next().unwrap();
        assert_eq!(comparison.holds(), change == Change::Within);
        change
    }

    #[test]
    fn three_percent_are_tolerated_up_and_down_and_no_more() {
        assert_eq!(change(100_000, 100_000), Change::Within);
        assert_eq!(change(100_000, 103_000), Change::Within);
        assert_eq!(change(100_000, 103_001), Change::More);
        assert_eq!(change(100_000, 97_000), Change::Within);
        assert_eq!(change(100_000, 96_999), Change::Fewer);
        assert_eq!(change(u64::MAX, u64::MAX / 2), Change::Fewer, "no count is too large");
        assert_eq!(change(0, 1), Change::More);
    }

    #[test]
    fn runs_that_only_one_side_knows_do_not_hold() {
        let (recorded, counted) = (counts([("kept", 7), ("gone", 7)]), counts([("kept", 7), ("new", 7)]));
        let comparison = Comparison::new(&recorded, &counted);
        let changes: Vec<_> = comparison.changes().collect();
        assert_eq!(changes, [("gone", Change::Gone), ("kept", Change::Within), ("new", Change::New)]);
        assert!(!comparison.holds());
        assert!(Comparison::new(&counted, &counted).holds());
    }

    #[test]
    fn the_report_says_which_and_by_how_much() {
        let recorded = counts([("a", 1_000), ("b", 1_000), ("c", 1_000)]);
        let counted = counts([("a", 1_100), ("b", 1_010), ("c", 500)]);
        let report = Comparison::new(&recorded, &counted).to_string();
        let lines: Vec<_> = report.lines().collect();
        assert!(
            lines[0].starts_with("a ")
                && lines[0].ends_with("1000         1100  +10.00 %  MORE than is tolerated")
        );
        assert!(lines[1].ends_with("+1.00 %"), "{}", lines[1]);
        assert!(lines[2].contains("-50.00 %  FEWER"), "{}", lines[2]);
    }
}
