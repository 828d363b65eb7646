//! What features make of bugs: each mutant of the protocol in its box, with the features of a cluster off and on.
//!
//! A bug that can do no harm alone may do some when a feature is added, and one that a box finds may hide behind it. The table is
//! `docs/mutants.md`.

use crate::museum::{Exhibit, Museum};
use crate::report::Report;
use std::error::Error;
use std::io::Write;

/// Sets of features, with the flags of `check` that turn them on.
pub const COMBINATIONS: [(&str, &[&str]); 4] = [
    ("none", &[]),
    ("pre-vote", &["--pre-vote"]),
    ("check-quorum", &["--check-quorum"]),
    ("both and a window", &["--pre-vote", "--check-quorum", "--window", "2"]),
];

/// Where a search gives up. Boxes with features are large, and what a bug breaks at all it breaks early.
pub const STATES_MAX: &str = "1000000";

/// Searches each mutant under each combination, and writes a row for each as it comes.
///
/// # Errors
///
/// If a mutant cannot be planted, or nobody reads.
pub fn write_table(museum: &Museum, exhibits: &[Exhibit], out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let names: Vec<&str> = COMBINATIONS.iter().map(|(name, _)| *name).collect();
    writeln!(out, "| mutant | box | {} |", names.join(" | "))?;
    writeln!(out, "|--------|-----|{}", "---|".repeat(names.len()))?;
    for exhibit in exhibits {
        let Some(bounds) = exhibit.searched_in() else { continue };
        let cell = |(_, flags): &(&str, &[&str])| {
            let arguments = [&["check", bounds, "--json", "--at-most", STATES_MAX], *flags].concat();
            museum.ask(exhibit, &arguments).map(|report| summary(&report))
        };
        let cells = COMBINATIONS.iter().map(cell).collect::<Result<Vec<_>, _>>()?;
        writeln!(out, "| {} | `{bounds}` | {} |", exhibit.name, cells.join(" | "))?;
        out.flush()?;
    }
    Ok(())
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
