//! The command line: `check`, `boxes`, `trace`, `explore`, `mutants`.
//!
//! Exit codes: 0 all is well; 1 a property is broken, a box is not exhausted or has another count than the pinned one, or a
//! mutant survives; 2 the request makes no sense.

mod cli;

use clap::Parser;
use std::process::ExitCode;

/// The checker allocates a state and a path for every transition, on every thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => return refuse(&first_paragraph(&error.to_string())),
        Err(help) => help.exit(),
    };
    match cli::run(arguments, &mut std::io::stdout()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever reads the answer has read enough: `seaworthy-model check three | head -3`.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => refuse(&format!("error: {error}")),
    }
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(2)
}

/// What is wrong and what the choices are, on one line.
fn first_paragraph(message: &str) -> String {
    message.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
