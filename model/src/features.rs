//! What features make of bugs: each mutant of the protocol in its box, with the features of a cluster off and on.
//!
//! A bug that can do no harm alone may do some when a feature is added, and one that a box finds may hide behind it. The table is
//! `docs/mutants.md`.

use crate::museum::{Exhibit, Museum, MuseumError};
use crate::report::Report;
use std::fmt::{self, Display, Formatter};

/// Sets of features, with the flags of `check` that turn them on.
pub const COMBINATIONS: [(&str, &[&str]); 4] = [
    ("none", &[]),
    ("pre-vote", &["--pre-vote"]),
    ("check-quorum", &["--check-quorum"]),
    ("both and a window", &["--pre-vote", "--check-quorum", "--window", "2"]),
];

/// Where a search gives up. Boxes with features are large, and what a bug breaks at all it breaks early.
pub const STATES_MAX: &str = "1000000";

/// One mutant under each combination.
pub struct Row {
    mutant: String,
    bounds: String,
    cells: Vec<String>,
}

/// All rows, as a table.
pub struct Table(Vec<Row>);

/// Searches each mutant under each combination. Tells what it is about to do.
///
/// # Errors
///
/// If a mutant cannot be planted.
pub fn table(museum: &Museum, exhibits: &[Exhibit], tell: impl Fn(&str)) -> Result<Table, MuseumError> {
    let mut rows = Vec::new();
    for exhibit in exhibits {
        let Some(bounds) = exhibit.searched_in() else { continue };
        tell(&exhibit.name);
        let cell = |(_, flags): &(&str, &[&str])| {
            let arguments = [&["check", bounds, "--json", "--at-most", STATES_MAX], *flags].concat();
            museum.ask(exhibit, &arguments).map(|report| summary(&report))
        };
        let cells = COMBINATIONS.iter().map(cell).collect::<Result<_, _>>()?;
        rows.push(Row { mutant: exhibit.name.clone(), bounds: bounds.to_owned(), cells });
    }
    Ok(Table(rows))
}

fn summary(report: &Report) -> String {
    let steps = |(property, steps): (&String, usize)| format!("{property}, {steps}");
    let fallen = report
        .broken()
        .filter_map(|verdict| Some((&verdict.property, verdict.counterexample.as_ref()?.script.len())));
    match fallen.min_by_key(|(_, steps)| *steps) {
        Some(shortest) => steps(shortest),
        None if report.queue == 0 => "holds".to_owned(),
        None => "–".to_owned(),
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = COMBINATIONS.iter().map(|(name, _)| *name).collect();
        writeln!(f, "| mutant | box | {} |", names.join(" | "))?;
        writeln!(f, "|--------|-----|{}", "---|".repeat(names.len()))?;
        for Row { mutant, bounds, cells } in &self.0 {
            writeln!(f, "| {mutant} | `{bounds}` | {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}
