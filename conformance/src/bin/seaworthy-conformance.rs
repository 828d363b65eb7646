//! Looks at what a running cluster, of whatever make, has left behind.

use clap::{Parser, Subcommand};
use seaworthy_conformance::history::{History, Misread, Outcome};
use seaworthy_conformance::trace::{self, Problem};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Judges what a running cluster has left behind.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Is there an order of what clients did that explains what they were told? Exit code 1 if not, 2 if the file cannot be read
    ///
    /// FILE is a history of reads, writes and compare-and-set on keys, an event a line, as docs/history.md says.
    Linearizable {
        /// The history
        file: PathBuf,
    },
    /// Does each node do again what it did, and is all of it Raft? Exit code 1 if not, 2 if the files cannot be read
    ///
    /// DIRECTORY holds the traces of all nodes, as docs/trace.md says.
    Validate {
        /// The traces
        directory: PathBuf,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Linearizable { file } => linearizable(&file).unwrap_or_else(|misread| {
            eprintln!("{misread}");
            ExitCode::from(2)
        }),
        Command::Validate { directory } => match trace::validate(&directory) {
            Ok(report) => {
                let report = report.to_string().replace('\n', "\n  ");
                tell(&format!("{}: valid\n  {report}", directory.display()));
                ExitCode::SUCCESS
            }
            Err(Problem::Finding(finding)) => {
                tell(&format!("{}: NOT valid\n{finding}", directory.display()));
                ExitCode::from(1)
            }
            Err(Problem::Misread(misread)) => {
                eprintln!("{misread}");
                ExitCode::from(2)
            }
        },
    }
}

fn linearizable(file: &Path) -> Result<ExitCode, Misread> {
    let begun = Instant::now();
    let history = History::read(file)?;
    if let Some(line) = history.cut {
        eprintln!("{}:{line}: the last line is incomplete, and left out", file.display());
    }
    let read = begun.elapsed();
    let judgement = history.judge();
    let took = begun.elapsed() - read;
    let name = file.display();
    let Some(violation) = judgement.violation else {
        tell(&format!("{name}: linearizable\n  {}", counts(&history)));
        tell(&format!(
            "  on {}; judged in {took:.1?}, after {read:.1?} of reading; at most {} at once",
            some(judgement.keys, "key"),
            some(judgement.configurations, "configuration")
        ));
        return Ok(ExitCode::SUCCESS);
    };
    tell(&format!("{name}: NOT linearizable: {violation}"));
    Ok(ExitCode::from(1))
}

fn counts(history: &History) -> String {
    let count = |is: fn(&Outcome) -> bool| history.operations.iter().filter(|it| is(&it.outcome)).count();
    let processes: BTreeSet<u64> = history.operations.iter().map(|operation| operation.process).collect();
    format!(
        "{} of {} ({} of which nobody knows, {} that did not happen)",
        some(history.operations.len(), "operation"),
        some(processes.len(), "process"),
        count(|outcome| *outcome == Outcome::Unknown),
        count(|outcome| *outcome == Outcome::Failed),
    )
}

fn some(count: usize, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("1 {what}"),
        (_, "process") => format!("{count} processes"),
        (_, _) => format!("{count} {what}s"),
    }
}

/// Whoever has read enough may close the pipe.
fn tell(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
