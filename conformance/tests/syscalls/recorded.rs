//! A real recording, of a real cluster.
//!
//! Skipped, with a message, where strace is not installed or may not look at other processes.

use std::io::Write;
use std::process::Command;

/// With this it ends where strace cannot be used.
const NO_STRACE: i32 = 3;

#[test]
fn a_cluster_says_nothing_before_it_is_durable() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy-syscalls"));
    let output = command.args(["record", "--writes", "60", "--seed", "1"]).output().unwrap();
    let said =
        [&output.stdout[..], &output.stderr[..]].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let said = said.join("");
    if output.status.code() == Some(NO_STRACE) {
        assert!(said.contains("Debian has it in the package strace"), "{said}");
        // Past the capture of output, so that a run without strace cannot be taken for one with it.
        let message = format!("skipped: no system calls were recorded: {said}");
        return std::io::stderr().write_all(message.as_bytes()).unwrap();
    }
    assert!(output.status.success(), "{said}");
    assert!(said.contains("nothing was said before it was durable"), "{said}");
    assert!(said.contains("recovery finds on each disk what the calls say"), "{said}");
}

#[test]
fn without_strace_it_says_which_package_has_it() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy-syscalls"));
    let output = command.arg("record").env("PATH", nowhere.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(NO_STRACE));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("Debian has it in the package strace"), "{said}");
}
