//! Clusters in a simulated world, seed after seed, until something breaks or the time is up.

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use seaworthy_conformance::mutants::Mutant;
use seaworthy_conformance::sim::{Cluster, Fault, Mix, Outcome, Totals, shrink};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Runs whole clusters in a simulated world: the same from the same seed, to the last bit.
///
/// Each seed has its own cluster, clients and mix of faults. After every event all properties are judged; in the end the world
/// heals, and the cluster must go on. A failure is made small, and told with the command that replays it.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Subcommand>,
    /// Run this seed alone, and tell what happened
    #[arg(long)]
    seed: Option<u64>,
    /// Run seed after seed for so many seconds
    #[arg(long, default_value_t = 10, conflicts_with = "seed")]
    seconds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1, conflicts_with = "seed")]
    from: u64,
    /// How many threads; each runs seeds of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: u64,
    /// How many events a run has before the world heals
    #[arg(long, default_value_t = 20_000)]
    events: u64,
    /// How many nodes, in the place of the seed's
    #[arg(long, requires = "seed", value_parser = clap::value_parser!(u8).range(1..=7))]
    nodes: Option<u8>,
    /// How many clients, in the place of the seed's
    #[arg(long, requires = "seed", value_parser = clap::value_parser!(u8).range(1..=64))]
    clients: Option<u8>,
    /// Which faults, in the place of the seed's: names with commas between them, or none
    #[arg(long, requires = "seed")]
    faults: Option<String>,
    /// Tell every event of the run
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Where a failure is kept, as a script
    #[arg(long, default_value = "conformance/corpus")]
    corpus: PathBuf,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    /// Plant bugs in the loop, the log and the codec, one by one, and see that they are noticed
    Mutants {
        /// Which; all if none is named
        names: Vec<String>,
        /// Ask all layers of the tests, not only the one that must notice
        #[arg(long)]
        all_layers: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match (&arguments.command, arguments.seed) {
        (Some(Subcommand::Mutants { names, all_layers }), _) => mutants(names, *all_layers),
        (None, Some(seed)) => run_one(seed, &arguments),
        (None, None) => run_many(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run_one(seed: u64, arguments: &Arguments) -> Result<(), String> {
    let mut mix = Mix::of_seed(seed, arguments.events);
    mix.nodes = arguments.nodes.unwrap_or(mix.nodes);
    mix.clients = arguments.clients.map_or(mix.clients, usize::from);
    if let Some(names) = &arguments.faults {
        mix.faults = faults(names)?;
    }
    let told = mix.to_string();
    let cluster = Cluster::new(mix);
    let begun = Instant::now();
    let outcome = if arguments.trace { cluster.traced() } else { cluster }.run();
    let took = begun.elapsed();
    let mut totals = Totals::default();
    totals.add(&outcome);
    let digest = format!("digest {:016x}, {:.0} events/s", outcome.digest, rate(outcome.events, took));
    // A trace begins with its mix.
    let begins = if outcome.trace.is_empty() { Some(told) } else { None };
    let lines: Vec<String> =
        begins.into_iter().chain(outcome.trace).chain([totals.to_string(), digest]).collect();
    tell(&lines.join("\n"))?;
    match outcome.failure {
        None => Ok(()),
        Some(failure) => Err(format!("{:?} at event {}: {}", failure.breach, failure.event, failure.detail)),
    }
}

fn faults(names: &str) -> Result<BTreeSet<Fault>, String> {
    let names = names.split(',').map(str::trim).filter(|name| !matches!(*name, "" | "none"));
    names
        .map(|name| {
            let known = || Fault::ALL.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ");
            let found = Fault::ALL.iter().copied().find(|fault| fault.name() == name);
            found.ok_or_else(|| format!("there is no fault {name}; there are {}", known()))
        })
        .collect()
}

fn run_many(arguments: &Arguments) -> Result<(), String> {
    let (next, is_over) = (AtomicU64::new(arguments.from), AtomicBool::new(false));
    let (totals, failed) = (Mutex::new(Totals::default()), Mutex::new(None::<(Mix, Outcome)>));
    let (begun, time) = (Instant::now(), Duration::from_secs(arguments.seconds));
    let style =
        ProgressStyle::with_template("{wide_bar} {pos}/{len} s  {msg}").map_err(|error| error.to_string())?;
    let bar = ProgressBar::new(arguments.seconds).with_style(style);
    let work = || {
        while begun.elapsed() < time && !is_over.load(Ordering::Relaxed) {
            let mix = Mix::of_seed(next.fetch_add(1, Ordering::Relaxed), arguments.events);
            let outcome = Cluster::new(mix.clone()).run();
            let Ok(mut totals) = totals.lock() else { return };
            totals.add(&outcome);
            bar.set_position(begun.elapsed().as_secs());
            bar.set_message(format!("{} events, {} runs", totals.events, totals.runs));
            if outcome.failure.is_some() {
                is_over.store(true, Ordering::Relaxed);
                if let Ok(mut failed) = failed.lock() {
                    failed.get_or_insert((mix, outcome));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        (0..arguments.threads).for_each(|_| {
            scope.spawn(work);
        });
    });
    bar.finish_and_clear();
    let (totals, took) = (totals.into_inner().unwrap_or_default(), begun.elapsed());
    tell(&format!(
        "{totals}\n{:.0} events/s with {} threads, {:.1} s of the simulated world in one",
        rate(totals.events, took),
        arguments.threads,
        totals.nanoseconds as f64 / 1e9 / took.as_secs_f64(),
    ))?;
    match failed.into_inner().unwrap_or_default() {
        None => Ok(()),
        Some((mix, _)) => Err(report(mix, &arguments.corpus)),
    }
}

fn mutants(names: &[String], all_layers: bool) -> Result<(), String> {
    let here = std::env::current_dir().map_err(|error| error.to_string())?;
    let is_root = |path: &&Path| path.join("conformance/mutants").is_dir();
    let root = here.ancestors().find(is_root);
    let root = root.ok_or("not in a clone of seaworthy: the mutants are patches against its source")?;
    let all = Mutant::all(root).map_err(|error| error.to_string())?;
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|mutant| mutant.name == **name)) {
        return Err(format!("there is no mutant {unknown}"));
    }
    let chosen = all.iter().filter(|mutant| names.is_empty() || names.contains(&mutant.name));
    let (mut count, mut expected) = (0, 0);
    for mutant in chosen {
        let verdict = mutant.run(root, all_layers).map_err(|error| error.to_string())?;
        count += 1;
        expected += u32::from(verdict.is_expected);
        let noticed: Vec<&str> = verdict.noticed.iter().map(|layer| layer.name()).collect();
        let noticed = if noticed.is_empty() { "nobody".to_owned() } else { noticed.join(", ") };
        let mark = if verdict.is_expected { "as expected" } else { "NOT AS EXPECTED" };
        let Mutant { name, bug, .. } = mutant;
        tell(&format!("{name}: {bug}\n    noticed by {noticed}, {mark}; {}", verdict.said))?;
    }
    tell(&format!("{expected} of {count} as expected"))?;
    if expected == count { Ok(()) } else { Err("a bug was not noticed as it should be".to_owned()) }
}

/// Whoever has read enough may close the pipe.
fn tell(text: &str) -> Result<(), String> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.to_string()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn rate(events: u64, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64()
}

/// Makes a failure small, keeps it, and says how to see it again.
fn report(mix: Mix, corpus: &Path) -> String {
    eprintln!("a run has failed: {mix}\nmaking it small …");
    let (small, outcome) = shrink(mix.clone());
    let Some(failure) = outcome.failure else { return format!("it does not fail again: {mix}") };
    let path = corpus.join(format!("seed-{}.sim", small.seed));
    let kept = std::fs::create_dir_all(corpus)
        .and_then(|()| std::fs::write(&path, outcome.trace.join("\n") + "\n"))
        .map_or_else(|error| format!("not kept: {error}"), |()| format!("kept in {}", path.display()));
    format!(
        "{:?} at event {}: {}\n{kept}\nto see it again: cargo run --release --bin seaworthy-sim -- {small} --trace",
        failure.breach, failure.event, failure.detail
    )
}
