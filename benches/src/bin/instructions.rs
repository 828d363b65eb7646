//! Counts the instructions of fixed runs with callgrind, and compares them with what is recorded.

use clap::Parser;
use seaworthy_benches::instructions::{
    Comparison, CountError, Counts, Environment, Recorded, Run, TOLERANCE_PERCENT, count,
};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Counts the instructions of fixed runs under valgrind, and compares them with what is recorded for this compiler.
///
/// Exit codes: 0 if each count is within 3 % of what is recorded, 1 if one is not, 2 if something went wrong, 3 if valgrind cannot be used here, 4 if
/// what is recorded is not for this compiler, processor, C library or valgrind.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Record what is counted here, in the place of what is recorded
    #[arg(long)]
    record: bool,
    /// What is recorded
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json"))]
    recorded: PathBuf,
    /// Where callgrind's output is kept, for callgrind_annotate and kcachegrind
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
    /// Carry out one run, which valgrind counts
    #[arg(long, hide = true, value_name = "NAME")]
    run: Option<String>,
}

const OFF: u8 = 1;
const FAILED: u8 = 2;
const NO_VALGRIND: u8 = 3;
const ELSEWHERE: u8 = 4;

const RECORD: &str = "cargo run --release -p seaworthy-benches --bin instructions -- --record";

fn count_all(keep: Option<&Path>) -> Result<Counts, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let temporary = std::env::temp_dir().join(format!("seaworthy-instructions-{}", std::process::id()));
    let directory = keep.unwrap_or(&temporary);
    std::fs::create_dir_all(directory)?;
    let counted = |run: &Run| Ok((run.name.to_owned(), count(&program, *run, directory)?));
    let counts: Result<Counts, CountError> = Run::all().iter().map(counted).collect();
    if keep.is_none() {
        std::fs::remove_dir_all(&temporary)?;
    }
    Ok(counts?)
}

fn carry_out(arguments: &Arguments) -> Result<u8, Box<dyn Error>> {
    if let Some(name) = &arguments.run {
        Run::named(name).ok_or_else(|| format!("there is no run {name}"))?.carry_out_counted();
        return Ok(0);
    }
    let environment = Environment::here()?;
    if arguments.record {
        let instructions = count_all(arguments.keep.as_deref())?;
        let recorded = Recorded { environment, instructions };
        recorded.write(&arguments.recorded)?;
        println!("recorded {} runs in {}", recorded.instructions.len(), arguments.recorded.display());
        return Ok(0);
    }
    let recorded = Recorded::read(&arguments.recorded)?;
    let differences = environment.differences(&recorded.environment);
    if !differences.is_empty() {
        eprintln!("instructions are not compared: what is recorded is not for here");
        differences.iter().for_each(|difference| eprintln!("  {difference}"));
        eprintln!("to record anew, from a commit whose speed is known: {RECORD}");
        return Ok(ELSEWHERE);
    }
    let counted = count_all(arguments.keep.as_deref())?;
    let comparison = Comparison::new(&recorded.instructions, &counted);
    print!("{:<40} {:>12} {:>12}\n{comparison}", "instructions", "recorded", "counted");
    if comparison.holds() {
        return Ok(0);
    }
    eprintln!("a count is off by more than {TOLERANCE_PERCENT} %; if it has to be: {RECORD}");
    Ok(OFF)
}

fn main() -> ExitCode {
    let code = carry_out(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("{error}");
        let no_valgrind = matches!(error.downcast_ref(), Some(CountError::NoValgrind(_)));
        if no_valgrind { NO_VALGRIND } else { FAILED }
    });
    ExitCode::from(code)
}
