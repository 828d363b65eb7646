//! Real processes on real disks, killed and stopped in the middle of their work, until so many rounds are over.

use clap::{Args, Parser, Subcommand};
use seaworthy_conformance::damage::{self, Part};
use seaworthy_conformance::kill::{Failure, NodeSettings, Settings, Trouble, node, run};
use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

/// Kills the processes of a cluster, round after round, while clients read, write and compare-and-set.
///
/// In the end what was acknowledged must be there, on every node, nothing twice, and all nodes must have the same; and there must be
/// an order of what the clients did that explains what they were told. If not, everything is kept, and its place is named.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// `kill -9` of the leader, again and again: how long until the next write is acknowledged?
    Leader {
        /// How often
        #[arg(long, default_value_t = 50)]
        rounds: usize,
        #[command(flatten)]
        load: Load,
    },
    /// Any node is killed, or stops for a while, at any time
    Any {
        /// How often
        #[arg(long, default_value_t = 200)]
        rounds: usize,
        /// What happens when
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[command(flatten)]
        load: Load,
    },
    /// One node of three, or two of five, come back to a damaged directory, of each kind once
    Damage {
        /// How often each thing is done
        #[arg(long, default_value_t = 1)]
        rounds: usize,
        /// What happens when
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Only to this part of a directory, or these
        #[arg(long, value_name = "PART", value_parser = part)]
        only: Vec<Part>,
        /// No more trials than these
        #[arg(long)]
        trials: Option<usize>,
        /// How many nodes: 3 or 5
        #[arg(long, default_value_t = 3, value_parser = nodes)]
        nodes: usize,
        /// How many clients are at work all the time
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
        clients: u16,
        /// Leaves out how an entry is lost
        #[arg(long)]
        without_loss: bool,
    },
    /// One node, told on its standard input what to do
    #[command(hide = true)]
    Node {
        #[command(flatten)]
        settings: Nodes,
        /// Where it records its steps
        #[arg(long)]
        trace: Option<PathBuf>,
        id: u8,
        directory: PathBuf,
        addresses: Vec<String>,
    },
}

#[derive(Args, Debug)]
struct Load {
    /// How many clients are at work all the time
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: u16,
    /// On how many keys
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    keys: u16,
    /// Keeps the history in this file: docs/history.md says what stands in it
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Nodes record their steps, and in the end all of them are taken again: docs/trace.md says how. In this directory, which is empty or
    /// not there; without one, beside all else, to be kept if something does not hold
    #[arg(long, value_name = "DIRECTORY")]
    trace: Option<Option<PathBuf>>,
    #[command(flatten)]
    nodes: Nodes,
}

#[derive(Args, Clone, Copy, Debug)]
struct Nodes {
    /// Nodes make a snapshot after so many entries, and keep half as many behind it
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(2..))]
    snapshot_every: u64,
    /// Nodes make so many bytes of space for a segment of their log
    // A small part of what nodes do by default: so that a run goes through many, and several runs at once fill no disk.
    #[arg(long, default_value_t = 256 << 10, value_parser = clap::value_parser!(u64).range(1024..), hide = true)]
    segment_size: u64,
    /// Nodes answer reads with what they have, however old that is: a bug, to see that it is noticed
    #[arg(long, hide = true)]
    reads_stale: bool,
}

impl Nodes {
    const fn settings(self) -> NodeSettings {
        let Self { snapshot_every, segment_size, reads_stale } = self;
        NodeSettings { snapshot_every, segment_size, reads_stale }
    }
}

fn main() -> ExitCode {
    let (trouble, load) = match Arguments::parse().command {
        Command::Leader { rounds, load } => (Trouble::Leader { rounds }, load),
        Command::Any { rounds, seed, load } => (Trouble::Any { rounds, seed }, load),
        Command::Damage { rounds, seed, only, trials, nodes, clients, without_loss } => {
            let parts = if only.is_empty() { Part::ALL.to_vec() } else { only };
            let (clients, shows_loss) = (clients.into(), !without_loss);
            let settings = damage::Settings { rounds, seed, parts, trials, nodes, clients, shows_loss };
            return told(damage::run(&settings));
        }
        Command::Node { settings, trace, id, directory, addresses } => {
            let outcome = node(id, &directory, &addresses, settings.settings(), trace);
            return outcome.map_or_else(|error| said(&error.to_string()), |()| ExitCode::SUCCESS);
        }
    };
    let Load { clients, keys, history, trace, nodes } = load;
    let (clients, keys, node) = (clients.into(), keys.into(), nodes.settings());
    told(run(&Settings { trouble, clients, keys, history, trace, node }))
}

fn told(outcome: Result<impl Display, Failure>) -> ExitCode {
    match outcome {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(failure) => said(&failure.to_string()),
    }
}

fn part(name: &str) -> Result<Part, String> {
    let found = Part::ALL.into_iter().find(|part| part.name() == name);
    found.ok_or_else(|| format!("there are {}", Part::ALL.map(Part::name).join(", ")))
}

fn nodes(text: &str) -> Result<usize, String> {
    match text {
        "3" => Ok(3),
        "5" => Ok(5),
        _ => Err("3 or 5".to_owned()),
    }
}

fn said(error: &str) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}
