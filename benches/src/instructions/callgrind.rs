//! One run in a process of its own, under callgrind.

use super::runs::{Counted, Run};
use std::fs;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use thiserror::Error;

/// What is counted is what this function calls: callgrind begins where it is entered, and ends where it is left. So neither the start of a
/// process nor the preparation of a run counts.
#[inline(never)]
pub fn counted_work(work: &mut dyn FnMut()) {
    work();
    // Something is left to do, so that this is a call and no jump: callgrind would not see the function left.
    black_box(());
}

/// Callgrind's pattern for it: whatever is before its name and behind.
const COUNTED_WORK: &str = "*counted_work*";

/// Why a run could not be counted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CountError {
    /// There is no valgrind, or it cannot be started.
    #[error("valgrind cannot be used here: {0}")]
    NoValgrind(#[source] io::Error),
    /// There is no compiler to ask for its version.
    #[error("the compiler cannot be asked for its version: {0}")]
    NoCompiler(#[source] io::Error),
    /// The run failed, or valgrind did.
    #[error("{run} fails under valgrind, {status}:\n{said}")]
    Failed {
        /// Which run.
        run: &'static str,
        /// How the process ended.
        status: ExitStatus,
        /// What it said.
        said: String,
    },
    /// Callgrind's output has no count, or a count of nothing: it did not see the function whose work is counted.
    #[error("callgrind counted nothing in {run}")]
    Nothing {
        /// Which run.
        run: &'static str,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Run {
    /// Carries it out so that callgrind counts its work alone.
    pub fn carry_out_counted(&self) {
        let counted: Counted<'_> = &mut counted_work;
        self.carry_out(counted);
    }
}

/// Counts the instructions of a run; `program` is this one, and takes `--run NAME`. Callgrind's output, which says where they were, is left
/// in the directory.
///
/// # Errors
///
/// Whatever [`CountError`] says.
pub fn count(program: &Path, run: Run, directory: &Path) -> Result<u64, CountError> {
    let file = directory.join(format!("callgrind.{}", run.name.replace('/', ".")));
    let output = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", &format!("--toggle-collect={COUNTED_WORK}")])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(["--run", run.name])
        .output()
        .map_err(CountError::NoValgrind)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(CountError::Failed { run: run.name, status: output.status, said });
    }
    let text = fs::read_to_string(&file).map_err(|source| CountError::File { path: file, source })?;
    match instructions(&text) {
        Some(count) if count > 0 => Ok(count),
        Some(_) | None => Err(CountError::Nothing { run: run.name }),
    }
}

/// All that callgrind has counted, by its own sum.
fn instructions(output: &str) -> Option<u64> {
    let sum = output.lines().find_map(|line| line.strip_prefix("summary: "))?;
    sum.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callgrinds_sum_is_found() {
        let output = "version: 1\nevents: Ir\nfn=(1) counted_work\n0 7\n\nsummary: 123456\ntotals: 123456\n";
        assert_eq!(instructions(output), Some(123_456));
        assert_eq!(instructions("version: 1\nevents: Ir\n"), None);
        assert_eq!(instructions("summary: many\n"), None);
    }

    #[test]
    fn the_counted_function_does_what_it_is_given() {
        let mut times = 0;
        counted_work(&mut || times += 1);
        assert_eq!(times, 1);
        assert!(std::any::type_name_of_val(&counted_work).contains(COUNTED_WORK.trim_matches('*')));
    }
}
