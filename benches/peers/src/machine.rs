//! Where figures come from. Absolute ones are no use without it.

use seaworthy_benches::disk_log::bench_directory;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// The versions that were resolved, as they are pinned.
const LOCK: &str = include_str!("../Cargo.lock");
/// The packages that are measured.
const MEASURED: [&str; 5] = ["omnipaxos", "openraft", "raft", "raft-engine", "tokio"];

/// A machine, and what was built on it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Machine {
    date: String,
    processor: String,
    cores: usize,
    kernel: String,
    /// What the directories of the lane with disks are on.
    file_system: String,
    rustc: String,
    /// Of this repository; with a plus sign if there is more than that.
    commit: String,
    versions: Vec<String>,
}

/// What a program says; nothing if it is not there, or fails.
fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok();
    let output = output.filter(|output| output.status.success());
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn commit() -> String {
    let repository = env!("CARGO_MANIFEST_DIR");
    let git = |arguments: &[&str]| said_by("git", &[&["-C", repository], arguments].concat());
    let is_changed = !git(&["status", "--porcelain", "--untracked-files=no"]).is_empty();
    format!("{}{}", git(&["rev-parse", "--short=12", "HEAD"]), if is_changed { "+" } else { "" })
}

impl Machine {
    /// This one. What it does not tell stays empty.
    pub(crate) fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let name = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let directory = bench_directory().display().to_string();
        Self {
            date: said_by("date", &["-u", "+%Y-%m-%d"]),
            processor: name.map(|(_, name)| name.to_owned()).unwrap_or_default(),
            cores: thread::available_parallelism().map_or(0, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: said_by("findmnt", &["--noheadings", "--output=FSTYPE", "--target", &directory]),
            rustc: said_by("rustc", &["--version"]),
            commit: commit(),
            versions: versions(LOCK),
        }
    }
}

impl Machine {
    /// Are these the same machine and the same program, on whatever day?
    pub(crate) fn is_the_same_as(&self, other: &Self) -> bool {
        Self { date: other.date.clone(), ..self.clone() } == *other
    }
}

/// The bytes of memory that the system could give away. Nothing if it does not tell.
pub(crate) fn available_memory() -> Option<u64> {
    let memory = fs::read_to_string("/proc/meminfo").ok()?;
    let available = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = available.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1_024)
}

/// How often the threads of this process have gone to sleep so far: those that are there, as the count of one goes with it. Nothing if
/// the system does not tell.
pub(crate) fn sleeps() -> Option<u64> {
    let mut all = 0;
    for thread in fs::read_dir("/proc/self/task").ok()?.flatten() {
        // One that has ended meanwhile is not there any more.
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        all += counted_sleeps(&status).unwrap_or_default();
    }
    Some(all)
}

fn counted_sleeps(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()
}

/// What all processes have used so far, of all processors together; what the machine under this one took counts too. Nothing if
/// the system does not tell.
pub(crate) fn busy_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields = stat.lines().next()?.split_whitespace().skip(1);
    let fields: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen, ..] = fields[..] else {
        return None;
    };
    // In hundredths of a second, whatever the kernel counts in.
    Some(Duration::from_millis(10 * (user + nice + system + interrupts + soft_interrupts + stolen)))
}

/// `name version` of each package that is measured.
fn versions(lock: &str) -> Vec<String> {
    let quoted = |line: &str, key| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
    let mut versions = Vec::new();
    for package in lock.split("[[package]]") {
        let field = |key| package.lines().find_map(|line| quoted(line, key));
        if let (Some(name), Some(version)) = (field("name = "), field("version = ")) {
            if MEASURED.contains(&name.as_str()) {
                versions.push(format!("{name} {version}"));
            }
        }
    }
    versions
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, processor, cores, kernel, file_system, rustc, commit, versions } = self;
        writeln!(
            f,
            "{date}, {processor}, {cores} cores, Linux {kernel}, {rustc}, directories on {file_system}"
        )?;
        write!(f, "seaworthy at {commit}; {}", versions.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_has_slept() {
        let status = "Name:\tnode\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t345\n";
        assert_eq!(counted_sleeps(status), Some(12));
        assert_eq!(counted_sleeps("Name:\tnode\n"), None);
        let (wake, woken) = std::sync::mpsc::channel();
        let waiting = thread::spawn(move || woken.iter().for_each(drop));
        let before = sleeps();
        // It must sleep again between the two readings, so it takes as many wake-ups as that takes.
        while before.is_some() && sleeps() == before {
            wake.send(()).expect("it waits");
            thread::yield_now();
        }
        drop(wake);
        waiting.join().expect("it has woken");
    }

    #[test]
    fn the_same_machine_on_another_day_is_the_same() {
        let here = Machine::here();
        assert!(here.is_the_same_as(&Machine { date: "1970-01-01".into(), ..here.clone() }));
        assert!(!here.is_the_same_as(&Machine { commit: "another".into(), ..here.clone() }));
    }

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let versions = versions(LOCK);
        for name in MEASURED {
            assert!(versions.iter().any(|it| it.starts_with(&format!("{name} "))), "{name} in {versions:?}");
        }
        assert!(versions.contains(&"openraft 0.9.25".to_owned()), "{versions:?}");
    }
}
