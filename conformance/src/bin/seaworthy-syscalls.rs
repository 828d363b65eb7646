//! The kernel's view of durability: real processes under strace, and a judge of what they asked the system to do.

use clap::{Parser, Subcommand};
use seaworthy::NodeId;
use seaworthy_conformance::syscalls::{RecordError, Recorder, Report, compare, judge, read, serve, squeeze};
use std::error::Error;
use std::fs::{File, remove_dir_all};
use std::io::{BufWriter, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Shows that no process of a cluster says anything before what it takes is on the disk: records the system calls of real processes
/// with strace, and judges them.
///
/// Exit codes: 0 if nothing was said too early, 1 if something was or could not be judged, 3 if strace cannot be used here.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Run a cluster of three under strace, kill some of it, and judge what was recorded
    Record {
        /// How many writes are to be acknowledged
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(20..))]
        writes: u64,
        /// What happens when
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Where the traces are kept, with the data directories: a directory that is empty, or is not there
        #[arg(long)]
        keep: Option<PathBuf>,
    },
    /// Judge what was recorded
    Judge {
        /// Where the traces are: `NODE-PROCESS.strace`, with `-f -qq -xx -y -ttt -T` and a large `-s`
        directory: PathBuf,
    },
    /// One node, told on its standard input what to do
    #[command(hide = true)]
    Node { id: u8, directory: PathBuf, every: u64, addresses: Vec<String> },
    /// Copies what strace writes to a file, without the many zeros
    #[command(hide = true)]
    Squeeze { file: PathBuf },
}

/// strace cannot be used.
const NO_STRACE: u8 = 3;

type Outcome = Result<ExitCode, Box<dyn Error>>;

fn record(writes: u64, seed: u64, keep: Option<PathBuf>) -> Outcome {
    let temporary = tempfile::tempdir()?;
    let directory = keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    let began = Instant::now();
    let recorded = Recorder { directory: directory.clone(), writes, seed }.record();
    if let Err(error @ RecordError::NoStrace(_)) = recorded {
        eprintln!("{error}");
        return Ok(ExitCode::from(NO_STRACE));
    }
    let outcome = match recorded {
        Ok(()) => {
            println!("recorded in {:.1} s", began.elapsed().as_secs_f64());
            judge_and_compare(&directory)
        }
        Err(error) => {
            // What the cluster did until then is judged all the same.
            let is_judged = matches!(error, RecordError::Cluster(_));
            if let Some(Err(blind)) = is_judged.then(|| judge_all(&directory)) {
                println!("{blind}");
            }
            Err(error.into())
        }
    };
    match outcome {
        Ok(code) if code == ExitCode::SUCCESS || keep.is_some() => {}
        Err(_) if keep.is_some() => {}
        Ok(_) => {
            // The traces say it all. The data directories are large.
            (1..=3).try_for_each(|id| remove_dir_all(directory.join(id.to_string())))?;
            println!("kept in {}", temporary.keep().display());
        }
        Err(_) => println!("kept in {}", temporary.keep().display()),
    }
    outcome
}

fn judge_and_compare(directory: &Path) -> Outcome {
    let report = judge_all(directory)?;
    if !report.is_sound() {
        return Ok(ExitCode::FAILURE);
    }
    compare(directory, &report)?;
    println!("recovery finds on each disk what the calls say");
    Ok(ExitCode::SUCCESS)
}

fn judge_all(directory: &Path) -> Result<Report, Box<dyn Error>> {
    let began = Instant::now();
    let report = judge(&read(directory)?)?;
    println!("{report}");
    println!("judged in {:.1} s", began.elapsed().as_secs_f64());
    Ok(report)
}

fn run(command: Kind) -> Outcome {
    match command {
        Kind::Record { writes, seed, keep } => record(writes, seed, keep),
        Kind::Judge { directory } => {
            let is_sound = judge_all(&directory)?.is_sound();
            Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Kind::Node { id, directory, every, addresses } => {
            let id = NodeId::new(id).ok_or("a node has a number from 1 to 64")?;
            serve(id, &directory, every, &addresses)?;
            Ok(ExitCode::SUCCESS)
        }
        Kind::Squeeze { file } => {
            squeeze(stdin().lock(), BufWriter::with_capacity(1 << 20, File::create(file)?))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn main() -> ExitCode {
    run(Arguments::parse().command).unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}
