//! Compares production with the model, step by step.

use clap::{Parser, Subcommand};
use seaworthy_conformance::lockstep::{self, Covered, ReplayError};
use seaworthy_model::bounds::{Bounds, UnknownBox};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Takes the same steps with the model and with production, and compares both after each.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes every edge of the boxes by both
    Edges {
        /// Boxes of the model, as smoke or three/one; those of docs/testing.md if none is named
        boxes: Vec<String>,
        /// Those that every cargo test takes
        #[arg(long, conflicts_with = "boxes")]
        small: bool,
        /// How many threads search
        #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from))]
        threads: usize,
    },
    /// Has production take the steps of traces, as `seaworthy-model trace --json` and `check --save` write them
    Replay {
        /// The traces
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Each node on its threads, in a temporary directory, in the place of a simulated one
        #[arg(long)]
        threads: bool,
    },
    /// Lets production walk at random: each of its steps must be one of the model's
    Walk {
        /// The first seed
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// How many walks, a seed each
        #[arg(long, default_value_t = 100)]
        walks: u64,
        /// How many events each has: turns, work of disks, crashes
        #[arg(long, default_value_t = 500)]
        events: u64,
    },
}

fn main() -> ExitCode {
    let is_good = match Arguments::parse().command {
        Command::Edges { boxes, small, threads } => edges(&boxes, small, threads),
        Command::Replay { files, threads } => return replay(&files, threads),
        Command::Walk { seed, walks, events } => walk(seed, walks, events),
    };
    match is_good {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(unknown) => {
            eprintln!("{unknown}");
            ExitCode::from(2)
        }
    }
}

fn edges(names: &[String], small: bool, threads: usize) -> Result<bool, UnknownBox> {
    let mut boxes: Vec<Bounds> = Vec::new();
    for name in names {
        boxes.extend(Bounds::named(name)?);
    }
    if boxes.is_empty() {
        boxes = if small { lockstep::small_boxes()? } else { lockstep::boxes()? };
    }
    let (mut covered, mut is_good) = (Covered::default(), true);
    let began = Instant::now();
    for bounds in boxes {
        let report = lockstep::run(bounds, threads);
        tell(&report.to_string());
        is_good &= report.is_exhausted();
        covered.add(&report.covered);
    }
    tell(&format!("{} edges in {:.0} s", covered.edges, began.elapsed().as_secs_f64()));
    tell_handlers(&covered);
    Ok(is_good)
}

fn replay(files: &[PathBuf], threads: bool) -> ExitCode {
    let take = if threads { lockstep::replay_on_threads } else { lockstep::replay };
    let mut code = 0;
    for file in files {
        let name = file.display();
        match std::fs::read_to_string(file) {
            Err(error) => {
                eprintln!("{name}: {error}");
                code = 2;
            }
            Ok(text) => match take(&text) {
                Ok(steps) => tell(&format!("{name}: {steps} steps, and production is where the trace is")),
                Err(error) => {
                    eprintln!("{name}: {error}");
                    code = code.max(if matches!(error, ReplayError::Parts { .. }) { 1 } else { 2 });
                }
            },
        }
    }
    ExitCode::from(code)
}

fn walk(first: u64, walks: u64, events: u64) -> Result<bool, UnknownBox> {
    let (mut covered, mut turns, mut crashes) = (Covered::default(), 0, 0);
    let began = Instant::now();
    for seed in first..first + walks {
        let walked = lockstep::walk(seed, events)?;
        covered.add(&walked.covered);
        (turns, crashes) = (turns + walked.turns, crashes + walked.crashes);
        if let Some(disagreement) = walked.disagreement {
            tell(&disagreement);
            tell(&format!("again: seaworthy-lockstep walk --seed {seed} --walks 1 --events {events}"));
            return Ok(false);
        }
    }
    tell(&format!(
        "{walks} walks, {turns} turns, {crashes} crashes: {} steps, each an edge of the model, and {} that change nothing, in {:.0} s",
        covered.edges,
        covered.idle,
        began.elapsed().as_secs_f64()
    ));
    tell_handlers(&covered);
    Ok(true)
}

fn tell_handlers(covered: &Covered) {
    let (ran, pairs) = covered.pairs();
    tell(&format!("{covered}\n{ran} of {pairs} pairs of a handler and a role"));
}

/// Whoever has read enough may close the pipe.
fn tell(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
