//! The gate for a library that opens its files itself: strace looks on, and its record is judged.
//!
//! A process of its own answers by writing the number of an entry to its output. When that call begins, two of three directories must have
//! the entry: its payload was written to a log of theirs, and a sync of that log which began afterwards has come back.

use super::engine::EngineWrites;
use super::gate::Verdict;
use super::place;
use crate::lanes::channel::Crossbeam;
use crate::lanes::durable::{Durable, Witness};
use crate::measure::{Cluster, Failure, Latencies, Load};
use crate::peers::durable::raft_rs::DurableRaftRs;
use crate::peers::seaworthy::Seaworthy;
use clap::ValueEnum;
use seaworthy_benches::workload::payload;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// The entries have the numbers from 1 up to this. The payload of 0 is what empty space looks like.
const ENTRIES: u64 = 200;
/// The bytes of an entry.
const PAYLOAD: usize = 64;
/// More than any write here has.
const LONGEST: &str = "1000000";

/// What opens its files itself.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Subject {
    Seaworthy,
    RaftEngine,
    RaftEngineApart,
}

/// Puts a library to the test, if there is a strace that may look on.
pub(crate) fn hold(subject: Subject) -> Verdict {
    match Command::new("strace").args(["-f", "-e", "trace=none", "true"]).output() {
        Ok(output) if output.status.success() => {}
        Ok(_) => return Verdict::NotTried("strace may not look on here".into()),
        Err(_) => return Verdict::NotTried("there is no strace".into()),
    }
    match record(subject).and_then(|record| judge(&record)) {
        Ok(()) => Verdict::Durable,
        Err(failure) => Verdict::NotDurable(failure.to_string()),
    }
}

/// Runs this program under strace, and answers what that has seen.
fn record(subject: Subject) -> Result<String, Failure> {
    let place = place();
    let (directory, record) = (place.join("nodes"), place.join("record"));
    let name = subject.to_possible_value().map(|it| it.get_name().to_owned()).unwrap_or_default();
    let status = Command::new("strace")
        .args(["-f", "-y", "-xx", "-s", LONGEST, "-e", "trace=pwrite64,fdatasync,fsync,write", "-o"])
        .arg(&record)
        .arg(std::env::current_exe()?)
        .args(["answer", &name])
        .arg(&directory)
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("the process that is looked at failed: {status}").into());
    }
    Ok(fs::read_to_string(record)?)
}

/// What the process does that is looked at: proposes one entry after the other, and says when each is answered.
///
/// # Errors
///
/// Whatever keeps it from that.
pub(crate) fn answer(subject: Subject, directory: &Path) -> Result<(), Failure> {
    match subject {
        Subject::Seaworthy => answer_as_seaworthy(directory),
        Subject::RaftEngine => answer_with_engines(directory, false),
        Subject::RaftEngineApart => answer_with_engines(directory, true),
    }
}

fn answer_as_seaworthy(directory: &Path) -> Result<(), Failure> {
    Seaworthy::init(directory)?;
    let nodes = Seaworthy::open(directory, PAYLOAD)?;
    for number in 1..=ENTRIES {
        nodes.propose(number, PAYLOAD)?;
        say(number);
    }
    Ok(())
}

fn answer_with_engines(directory: &Path, is_apart: bool) -> Result<(), Failure> {
    // The first entry has the number 0, which is not looked for.
    let witness: Witness = Arc::new(|count| {
        if count > 1 {
            say(count - 1)
        }
    });
    let cluster = Durable::<DurableRaftRs<EngineWrites>, Crossbeam>::with_engines_in(
        directory,
        is_apart,
        Some(&witness),
    );
    let load = Load { payload: PAYLOAD, in_flight: 1, entries: ENTRIES + 1 };
    cluster?.run(0..ENTRIES + 1, &load, &mut Latencies::new()?)
}

/// One call of the system.
fn say(number: u64) {
    let mut output = std::io::stdout();
    let said = output.write_all(format!("{number}\n").as_bytes()).and_then(|()| output.flush());
    said.expect("somebody listens");
}

/// What is known of a log.
#[derive(Default)]
struct Log {
    written: BTreeSet<u64>,
    durable: BTreeSet<u64>,
}

/// A call that has begun.
enum Call {
    Write {
        path: PathBuf,
        entries: Vec<u64>,
    },
    /// Of what was written before.
    Sync {
        path: PathBuf,
        entries: BTreeSet<u64>,
    },
    Other,
}

/// Was anything answered that was not durable in two directories?
fn judge(record: &str) -> Result<(), Failure> {
    let mut logs: BTreeMap<PathBuf, Log> = BTreeMap::new();
    let (mut calls, mut answers) = (BTreeMap::new(), 0);
    for line in record.lines() {
        let Some((thread, event)) = line.split_once(' ') else { continue };
        let event = event.trim_start();
        let resumed = event.strip_prefix("<... ");
        if resumed.is_none() {
            if let Some(number) = answered(event) {
                let holding = logs.values().filter(|log| log.durable.contains(&number)).count();
                if holding < 2 {
                    return Err(format!("{number} was answered when {holding} of three disks held it").into());
                }
                answers += 1;
            }
            calls.insert(thread, begun(event, &logs));
        }
        let is_unfinished = event.ends_with("<unfinished ...>");
        match if is_unfinished { None } else { calls.remove(thread) } {
            Some(Call::Write { path, entries }) if !has_failed(event) => {
                logs.entry(path).or_default().written.extend(entries);
            }
            Some(Call::Sync { path, entries }) if !has_failed(event) => {
                logs.entry(path).or_default().durable.extend(entries);
            }
            Some(Call::Write { .. } | Call::Sync { .. } | Call::Other) | None => {}
        }
    }
    if answers == ENTRIES { Ok(()) } else { Err(format!("{answers} answers were seen").into()) }
}

fn has_failed(event: &str) -> bool {
    event.contains(") = -1") || event.contains(") = ?")
}

/// The number that is written to the output.
fn answered(event: &str) -> Option<u64> {
    let bytes = quoted(event.strip_prefix("write(1<")?)?;
    std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
}

fn begun(event: &str, logs: &BTreeMap<PathBuf, Log>) -> Call {
    let Some((name, rest)) = event.split_once('(') else { return Call::Other };
    let path = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(path, _)| hex(path));
    let path = path.and_then(|path| String::from_utf8(path).ok()).map(PathBuf::from);
    let is_log = |path: &PathBuf| path.extension().is_some_and(|it| it == "log" || it == "raftlog");
    let Some(path) = path.filter(is_log) else { return Call::Other };
    match name {
        "pwrite64" => Call::Write { path, entries: entries_in(&quoted(rest).unwrap_or_default()) },
        "fdatasync" | "fsync" => {
            let entries = logs.get(&path).map(|log| log.written.clone()).unwrap_or_default();
            Call::Sync { path, entries }
        }
        _ => Call::Other,
    }
}

/// The bytes of the first string of a call.
fn quoted(call: &str) -> Option<Vec<u8>> {
    let (_, rest) = call.split_once('"')?;
    rest.split_once('"').map(|(text, _)| hex(text))
}

/// `\x68\x69` as `hi`.
fn hex(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).filter_map(|digits| u8::from_str_radix(digits, 16).ok()).collect()
}

/// Whose payloads are among these bytes, wherever.
fn entries_in(bytes: &[u8]) -> Vec<u64> {
    let is_there = |number: &u64| bytes.windows(PAYLOAD).any(|window| *window == *payload(*number, PAYLOAD));
    (1..=ENTRIES).filter(is_there).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn in_hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "\\x{byte:02x}");
            text
        })
    }

    fn log(node: u64) -> String {
        format!("{node}<{}>", in_hex(format!("/nodes/{node}/0000000000000001.log").as_bytes()))
    }

    fn written(node: u64, number: u64) -> String {
        let record = [&[7; 30][..], &payload(number, PAYLOAD)].concat();
        format!("{node}0 pwrite64({}, \"{}\", 94, 64) = 94\n", log(node), in_hex(&record))
    }

    fn synced(node: u64) -> String {
        format!("{node}0 fdatasync({}) = 0\n", log(node))
    }

    fn answered(number: u64) -> String {
        format!("99 write(1<{}>, \"{}\", 2) = 2\n", in_hex(b"pipe"), in_hex(format!("{number}\n").as_bytes()))
    }

    /// All but the last entry as they must be, and then these events.
    fn judged(events: &[String]) -> Result<(), String> {
        let before = (1..ENTRIES).map(|number| {
            let on = |node| written(node, number) + &synced(node);
            on(1) + &on(2) + &answered(number)
        });
        let record = before.collect::<String>() + &events.concat() + &answered(ENTRIES);
        judge(&record).map_err(|failure| failure.to_string())
    }

    #[test]
    fn an_entry_must_be_synced_in_two_directories_before_it_is_answered() {
        let on = |node| written(node, ENTRIES);
        assert_eq!(judged(&[on(1), synced(1), on(3), synced(3)]), Ok(()));
        let complaint = |count| Err(format!("{ENTRIES} was answered when {count} of three disks held it"));
        assert_eq!(judged(&[on(1), synced(1), on(2)]), complaint(1));
        assert_eq!(judged(&[synced(1), on(1), synced(2), on(2)]), complaint(0));
        let failed = synced(2).replace("= 0", "= -1 EIO (Input/output error)");
        assert_eq!(judged(&[on(1), synced(1), on(2), failed]), complaint(1));
    }

    #[test]
    fn a_sync_counts_from_its_beginning_to_its_end() {
        let on = |node| written(node, ENTRIES);
        let begun = synced(2).replace(") = 0", " <unfinished ...>");
        let ended = "20 <... fdatasync resumed>) = 0\n".to_owned();
        let (first, others) = ([on(1), synced(1)], "21 ");
        let by_another = on(2).replacen("20 ", others, 1);
        assert_eq!(judged(&[&first[..], &[on(2), begun.clone(), ended.clone()]].concat()), Ok(()));
        let complaint = Err(format!("{ENTRIES} was answered when 1 of three disks held it"));
        assert_eq!(judged(&[&first[..], &[on(2), begun.clone()]].concat()), complaint);
        assert_eq!(judged(&[&first[..], &[begun, by_another, ended]].concat()), complaint);
    }

    #[test]
    fn a_record_without_answers_proves_nothing() {
        assert!(judge("").is_err_and(|failure| failure.to_string() == "0 answers were seen"));
    }
}
