//! This program, started again: no allocator and no thread of one measurement disturbs another.

use crate::measure::Failure;
use std::ffi::OsStr;
use std::process::Command;

/// The allocator of all gives no memory back. By default it does so after 10 ms; and where megabytes are freed at a time, as logs are
/// compacted, much of what is measured is a kernel that clears pages which are asked for again at once: a third of the processor time of
/// `seaworthy` in memory with 1 KiB and 8,192 in flight, a third of the time of `seaworthy-core` (2026-11-27).
const PURGE_DELAY: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "-1");

/// Runs a subcommand, and answers what it prints. `what` is named if it fails.
///
/// # Errors
///
/// If it does; with what it says.
pub(crate) fn apart(
    what: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Vec<u8>, Failure> {
    let (name, value) = PURGE_DELAY;
    let output = Command::new(std::env::current_exe()?).args(arguments).env(name, value).output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("{what}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()).into())
}
