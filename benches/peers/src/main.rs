//! seaworthy beside openraft, OmniPaxos and raft-rs, and beside the least that the same work can cost. `docs/benchmarks.md` says what is
//! fair about it, and has figures.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- compare --lane threads --payload 64 --in-flight 64,1024
//! ```

mod compare;
mod lanes;
mod library;
mod machine;
mod measure;
mod peers;
mod report;
mod statistics;

use crate::library::Lane;
use crate::measure::{Failure, Load};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// The system's allocator gives memory back between runs, and page faults would be a good part of the figures. The same for all.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// seaworthy beside its peers.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Measures libraries one after the other, again and again, each time in a process of its own, and prints medians and ratios.
    Compare(Comparison),
    /// Measures one, and prints a line of JSON: what `compare` starts.
    Run { lane: Lane, library: String, variant: String, payload: usize, in_flight: u64, entries: u64 },
}

/// What is compared.
#[derive(Args)]
struct Comparison {
    /// How the nodes are run.
    #[arg(long, value_enum)]
    lane: Lane,
    /// Bytes of an entry, from 8 on.
    #[arg(long, value_delimiter = ',', default_value = "64")]
    payload: Vec<usize>,
    /// How many proposals are under way at a time.
    #[arg(long, value_delimiter = ',', default_value = "64,1024")]
    in_flight: Vec<u64>,
    /// How often each library is measured. From six on there are intervals.
    #[arg(long, default_value_t = 15)]
    repetitions: usize,
    /// Which libraries, or `all` of the lane.
    #[arg(long, value_delimiter = ',', default_value = "all")]
    libraries: Vec<String>,
    /// How long a measurement is to take.
    #[arg(long, default_value_t = 0.7)]
    seconds: f64,
    /// Where to write every figure of every repetition.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn run(lane: Lane, library: &str, variant: &str, load: &Load) -> Result<(), Failure> {
    let found = library::variants(lane, library).find(|it| it.name == variant);
    let found = found.ok_or_else(|| format!("no {library} {variant} in this lane"))?;
    println!("{}", serde_json::to_string(&(found.run)(load)?)?);
    Ok(())
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Subcommands::Compare(comparison) => compare::compare(&comparison),
        Subcommands::Run { lane, library, variant, payload, in_flight, entries } => {
            run(lane, &library, &variant, &Load { payload, in_flight, entries })
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
