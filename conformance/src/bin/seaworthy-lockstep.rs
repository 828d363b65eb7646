//! Takes every edge of a box by the model and by production, and compares.

use clap::Parser;
use seaworthy_conformance::lockstep::{self, Covered};
use seaworthy_model::bounds::Bounds;
use seaworthy_protocol::Term;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    boxes: Vec<String>,
    #[arg(long)]
    terms: Option<u64>,
    #[arg(long)]
    proposals: Option<u8>,
    #[arg(long)]
    crashes: Option<u8>,
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut boxes = Vec::new();
    for name in &arguments.boxes {
        boxes.extend(Bounds::named(name).unwrap());
    }
    let mut total = Covered::default();
    let mut good = true;
    for bounds in boxes {
        let bounds = Bounds {
            max_term: arguments.terms.map_or(bounds.max_term, Term),
            proposals: arguments.proposals.unwrap_or(bounds.proposals),
            crashes: arguments.crashes.unwrap_or(bounds.crashes),
            ..bounds
        };
        let report = lockstep::run(bounds, arguments.threads).unwrap();
        println!("{report}");
        good &= report.is_exhausted();
        total.add(&report.covered);
    }
    println!("{total}");
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
