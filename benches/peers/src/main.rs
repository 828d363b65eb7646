//! seaworthy beside openraft, OmniPaxos and raft-rs, and beside the least that the same work can cost. `docs/benchmarks.md` says what is
//! fair about it, and has figures.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- compare --lane threads --payload 64 --in-flight 64,1024
//! ```

mod all;
mod apart;
mod compare;
mod disk;
mod growth;
mod lanes;
mod library;
mod machine;
mod measure;
mod page;
mod peers;
mod plots;
mod report;
mod results;
mod statistics;

use crate::all::Everything;
use crate::compare::Plan;
use crate::disk::traced::{self, Subject};
use crate::growth::{Single, Wanted};
use crate::library::{Lane, Variant};
use crate::machine::Machine;
use crate::measure::{Failure, Load};
use crate::results::Results;
use clap::{Args, Parser, Subcommand};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// The system's allocator gives memory back between runs, and page faults would be a good part of the figures. The same for all.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many short runs choose the variant of a library.
const SHORT_RUNS: usize = 3;

/// seaworthy beside its peers.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Measures all libraries in all lanes under all loads, and writes down and draws what comes of it.
    All(Everything),
    /// Measures how seaworthy's costs grow: with nodes, payloads, logs and proposers.
    Growth(Wanted),
    /// Puts what `all` and `growth` have written into the documentation.
    Page {
        /// Where it was written.
        run: PathBuf,
        /// The documentation.
        #[arg(long, default_value = "docs")]
        docs: PathBuf,
    },
    /// Measures libraries one after the other, again and again, each time in a process of its own, and prints medians and ratios.
    Compare(Comparison),
    /// Measures one, and prints a line of JSON: what `compare` starts.
    Run { lane: Lane, library: String, variant: String, payload: usize, in_flight: u64, entries: u64 },
    /// Looks whether one answers only what is durable, and prints a line of JSON: what `compare` starts before it measures with disks.
    Gate { lane: Lane, library: String, variant: String },
    /// Measures one point of a curve, and prints a line of JSON: what `growth` starts.
    GrowOnce(Single),
    /// Proposes entries to what opens its files itself, and says when each is answered: what `gate` starts under strace.
    Answer { subject: Subject, directory: PathBuf },
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

/// Compares, prints tables, and writes the file that is wanted.
fn compare(comparison: &Comparison) -> Result<(), Failure> {
    let Comparison { lane, payload, in_flight, repetitions, libraries, seconds, json } = comparison;
    let plan = Plan {
        lane: *lane,
        payloads: payload.clone(),
        in_flight: in_flight.clone(),
        repetitions: *repetitions,
        short_runs: SHORT_RUNS,
        libraries: compare::chosen(*lane, libraries)?,
        seconds: *seconds,
    };
    let machine = Machine::here();
    println!("{machine}");
    let lane = plan.carry_out(&mut |_| (), &mut |results| {
        all::show(results);
        Ok(())
    })?;
    let results = Results { machine, lanes: vec![lane] };
    if let Some(path) = json {
        fs::write(path, serde_json::to_string_pretty(&results)?)?;
    }
    match results.failures() {
        0 => Ok(()),
        failed => Err(format!("{failed} measurements failed").into()),
    }
}

fn found(lane: Lane, library: &str, variant: &str) -> Result<&'static Variant, Failure> {
    let found = library::variants(lane, library).find(|it| it.name == variant);
    Ok(found.ok_or_else(|| format!("no {library} {variant} in this lane"))?)
}

fn run(variant: &Variant, load: &Load) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(&(variant.run)(load)?)?);
    Ok(())
}

fn gate(variant: &Variant) -> Result<(), Failure> {
    let gate = variant.gate.ok_or("there is nothing to be durable")?;
    println!("{}", serde_json::to_string(&gate())?);
    Ok(())
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Subcommands::All(everything) => all::all(&everything),
        Subcommands::Growth(wanted) => growth::grow(&wanted),
        Subcommands::GrowOnce(single) => growth::grow_once(&single),
        Subcommands::Page { run, docs } => page::write(&run, &docs),
        Subcommands::Compare(comparison) => compare(&comparison),
        Subcommands::Run { lane, library, variant, payload, in_flight, entries } => {
            let load = Load { payload, in_flight, entries };
            found(lane, &library, &variant).and_then(|variant| run(variant, &load))
        }
        Subcommands::Gate { lane, library, variant } => found(lane, &library, &variant).and_then(gate),
        Subcommands::Answer { subject, directory } => traced::answer(subject, &directory),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
