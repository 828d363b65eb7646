//! Prints the history of a register that is atomic, to try checkers on: `seaworthy-conformance linearizable` and others.

use clap::Parser;
use seaworthy_conformance::history::Simulated;
use std::error::Error;
use std::io::Write;

/// Simulates clients of atomic registers, and prints what they did.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many operations
    #[arg(long, default_value_t = 100_000)]
    operations: usize,
    /// How many clients
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    clients: u16,
    /// On how many keys
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    keys: u16,
    /// How many operations are never answered
    #[arg(long, default_value_t = 0)]
    unknown: usize,
    /// How many different values there are; without this each is written once
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    values: Option<i64>,
    /// What the dice say
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { operations, clients, keys, unknown, values, seed } = Arguments::parse();
    let (clients, keys) = (clients.into(), keys.into());
    let simulated = Simulated { operations, clients, keys, unknown, values, seed };
    Ok(std::io::stdout().write_all(simulated.lines()?.as_bytes())?)
}
