//! Bugs of the loop, the write-ahead log, the codec and the recovery, planted one by one in a copy of the workspace: a layer of the
//! tests must notice each, or nobody would.
//!
//! A mutant is a patch in `conformance/mutants/` with a header:
//!
//! ```text
//! Bug: what is wrong, in a line
//! Where: where it is written how it should be
//! Seen: where it happened
//! Caught by: LAYER, LAYER
//! ```
//!
//! A patch with `Caught by: nobody` must pass all layers: the canary, which tests this file.

use seaworthy_model::museum::{MuseumError, plant};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What may notice a bug.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Layer {
    /// Whole clusters in a simulated world.
    Simulator,
    /// Parts of the log by themselves.
    Log,
    /// A log at every crash.
    DiskKit,
    /// A log that is written at random.
    Fuzz,
    /// A log in a directory, and the queue before one.
    Directory,
    /// The loop, moment by moment.
    Loop,
    /// Messages and records byte for byte.
    Codec,
    /// Connections, and what peers do wrong on them.
    Transport,
    /// What a state machine has applied, task by task.
    Applier,
    /// State machines with threads of their own.
    StateThread,
    /// Real processes, one of them on a damaged directory.
    Damage,
    /// Production beside the model, step by step.
    Lockstep,
    /// Scripts on real threads.
    Threads,
    /// Real processes, by their system calls.
    Syscalls,
    /// Real processes that are killed, by their steps taken again.
    Trace,
    /// Threads that share something, in every interleaving.
    Loom,
}

impl Layer {
    /// All of them, the quickest first; loom last, for which everything is built once more.
    pub const ALL: [Self; 16] = [
        Self::Codec,
        Self::Loop,
        Self::Transport,
        Self::Applier,
        Self::StateThread,
        Self::Log,
        Self::Directory,
        Self::Fuzz,
        Self::DiskKit,
        Self::Lockstep,
        Self::Threads,
        Self::Syscalls,
        Self::Trace,
        Self::Damage,
        Self::Simulator,
        Self::Loom,
    ];

    /// Its name in a header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Simulator => "simulator",
            Self::Log => "log",
            Self::DiskKit => "disk kit",
            Self::Fuzz => "fuzz",
            Self::Directory => "directory",
            Self::Loop => "loop",
            Self::Codec => "codec",
            Self::Transport => "transport",
            Self::Applier => "applier",
            Self::StateThread => "state thread",
            Self::Damage => "damage",
            Self::Lockstep => "lockstep",
            Self::Threads => "threads",
            Self::Syscalls => "syscalls",
            Self::Trace => "trace",
            Self::Loom => "loom",
        }
    }

    const fn flags(self) -> &'static str {
        match self {
            Self::Simulator
            | Self::Log
            | Self::DiskKit
            | Self::Fuzz
            | Self::Directory
            | Self::Loop
            | Self::Codec
            | Self::Transport
            | Self::Applier
            | Self::StateThread
            | Self::Damage
            | Self::Syscalls
            | Self::Lockstep
            | Self::Threads
            | Self::Trace => "",
            Self::Loom => "--cfg seaworthy_loom",
        }
    }

    /// Does it need no more than the library?
    const fn is_of_the_library(self) -> bool {
        match self {
            Self::Log
            | Self::Loop
            | Self::Codec
            | Self::Transport
            | Self::Applier
            | Self::StateThread
            | Self::Loom => true,
            Self::Simulator
            | Self::DiskKit
            | Self::Fuzz
            | Self::Directory
            | Self::Lockstep
            | Self::Threads
            | Self::Syscalls
            | Self::Trace
            | Self::Damage => false,
        }
    }

    /// What cargo is told.
    fn command(self) -> Vec<&'static str> {
        let test = |package, target: &[&'static str]| [&["test", "-p", package], target].concat();
        let run = |binary, rest: &[&'static str]| [&["run", "--bin", binary, "--"], rest].concat();
        let mut command = match self {
            Self::Simulator => run("seaworthy-sim", &["--seconds", "30"]),
            Self::Log => test("seaworthy", &["--lib", "wal"]),
            Self::DiskKit => test("seaworthy-conformance", &["--test", "disk_kit"]),
            Self::Directory => test("seaworthy-conformance", &["--test", "wal", "--test", "disk"]),
            Self::Fuzz => test("seaworthy-conformance", &["--test", "fuzz", "a_log"]),
            Self::Loop => test("seaworthy", &["--test", "node_loop"]),
            Self::Codec => test("seaworthy", &["--test", "codec"]),
            Self::Transport => test("seaworthy", &["--lib", "transport"]),
            Self::Applier => test("seaworthy", &["--test", "applier"]),
            Self::StateThread => test("seaworthy", &["--test", "state_thread"]),
            Self::Syscalls => run("seaworthy-syscalls", &["record", "--writes", "200"]),
            Self::Lockstep => test("seaworthy-conformance", &["--test", "lockstep"]),
            Self::Threads => test("seaworthy-conformance", &["--test", "threads"]),
            Self::Trace => run("seaworthy-kill", &["any", "--rounds", "10", "--trace"]),
            Self::Damage => {
                let parts = [
                    "--only",
                    "identity",
                    "--only",
                    "peers",
                    "--only",
                    "last-segment",
                    "--only",
                    "directory",
                ];
                run("seaworthy-kill", &[&["damage", "--without-loss"], &parts[..]].concat())
            }
            Self::Loom => test("seaworthy", &["--lib", "interleavings"]),
        };
        command.splice(1..1, ["--quiet", "--profile", "mutant"]);
        command
    }
}

/// One bug.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// Its name on the command line.
    pub name: String,
    /// What is wrong.
    pub bug: String,
    /// Who must notice, each of them; nobody, for the canary.
    pub caught_by: Vec<Layer>,
    patch: PathBuf,
}

/// What became of a mutant.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Who noticed.
    pub noticed: Vec<Layer>,
    /// Is it as it must be?
    pub is_expected: bool,
    /// The first thing that was said about it.
    pub said: String,
}

/// Why mutants cannot be run.
#[derive(Debug)]
pub enum MutantError {
    /// A patch cannot be planted.
    Museum(MuseumError),
    /// A patch's header lacks something.
    BadHeader(PathBuf, &'static str),
    /// A mutant does not build.
    DoesNotBuild(String, String),
    /// A layer lacks something on this machine: it would notice nothing, or everything.
    CannotLook(Layer, String),
    /// A file cannot be read, or a command not run.
    File(PathBuf, io::Error),
}

/// With this `seaworthy-syscalls` ends where there is no strace.
const NO_STRACE: i32 = 3;

impl Mutant {
    /// All mutants of a clone of seaworthy, by name.
    ///
    /// # Errors
    ///
    /// If a patch cannot be read, or has no proper header.
    pub fn all(root: &Path) -> Result<Vec<Self>, MutantError> {
        let directory = root.join("conformance/mutants");
        let listing =
            fs::read_dir(&directory).map_err(|error| MutantError::File(directory.clone(), error))?;
        let mut patches: Vec<PathBuf> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
        patches.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
        patches.sort();
        patches.into_iter().map(Self::from_patch).collect()
    }

    fn from_patch(patch: PathBuf) -> Result<Self, MutantError> {
        let text = fs::read_to_string(&patch).map_err(|error| MutantError::File(patch.clone(), error))?;
        let line = |key: &'static str| {
            let found =
                text.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix(key));
            found
                .map(|value| value.trim().to_owned())
                .ok_or_else(|| MutantError::BadHeader(patch.clone(), key))
        };
        let (bug, caught_by) = (line("Bug:")?, line("Caught by:")?);
        line("Where:")?;
        line("Seen:")?;
        let layer = |name| Layer::ALL.into_iter().find(|layer| layer.name() == name);
        let names = caught_by.split(", ").filter(|name| *name != "nobody");
        let Some(caught_by) = names.map(layer).collect() else {
            return Err(MutantError::BadHeader(patch.clone(), "Caught by: layers, or nobody"));
        };
        let name = patch.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { name, bug, caught_by, patch })
    }

    /// Plants the bug in a copy of the clone, and asks the layers: the one that must notice, or all.
    ///
    /// # Errors
    ///
    /// If it cannot be planted or built.
    pub fn run(&self, root: &Path, asks_all: bool) -> Result<Verdict, MutantError> {
        let tree = root.join("target/harness-mutants/tree");
        plant(root, &tree, &self.name, &self.patch).map_err(MutantError::Museum)?;
        self.build(root, &tree)?;
        let (mut noticed, mut said) = (Vec::new(), String::new());
        let asked = |layer: &Layer| asks_all || self.caught_by.is_empty() || self.caught_by.contains(layer);
        for layer in Layer::ALL.into_iter().filter(asked) {
            let output = cargo(root, &tree, &layer.command(), layer.flags())?;
            if layer == Layer::Syscalls && output.status.code() == Some(NO_STRACE) {
                let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                return Err(MutantError::CannotLook(layer, why));
            }
            if !output.status.success() {
                noticed.push(layer);
                if said.is_empty() {
                    said = complaint(&output);
                }
            }
        }
        let is_canary = self.caught_by.is_empty();
        let is_expected = if is_canary {
            noticed.is_empty()
        } else {
            self.caught_by.iter().all(|layer| noticed.contains(layer))
        };
        Ok(Verdict { noticed, is_expected, said })
    }

    /// Does its patch apply to the source as it is now?
    ///
    /// # Errors
    ///
    /// If git cannot be run.
    pub fn applies(&self, root: &Path) -> Result<bool, MutantError> {
        let check =
            Command::new("git").args(["apply", "--check"]).arg(&self.patch).current_dir(root).output();
        Ok(check.map_err(|error| MutantError::File(self.patch.clone(), error))?.status.success())
    }

    /// A bug that does not compile would be noticed by everyone, and prove nothing.
    fn build(&self, root: &Path, tree: &Path) -> Result<(), MutantError> {
        let for_loom = self.caught_by == [Layer::Loom];
        let is_small = self.caught_by.iter().all(|layer| layer.is_of_the_library());
        let (package, flags) = if for_loom {
            (["seaworthy", "--lib"].as_slice(), Layer::Loom.flags())
        } else if is_small && !self.caught_by.is_empty() {
            (["seaworthy"].as_slice(), "")
        } else {
            (["seaworthy-conformance"].as_slice(), "")
        };
        let build = ["build", "--quiet", "--profile", "mutant", "-p"];
        let output = cargo(root, tree, &[&build, package].concat(), flags)?;
        if output.status.success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(MutantError::DoesNotBuild(self.name.clone(), why))
    }
}

/// Other flags are other builds: each has a directory, so that none undoes the other's.
fn cargo(root: &Path, tree: &Path, arguments: &[&str], flags: &str) -> Result<Output, MutantError> {
    let target = if flags.is_empty() { "target" } else { "target-loom" };
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .env("CARGO_TARGET_DIR", root.join("target/harness-mutants").join(target))
        .env("RUSTFLAGS", flags)
        // loom's threads have small stacks: a backtrace overflows one, and the lock it holds is never released.
        .env("RUST_BACKTRACE", "0")
        .current_dir(tree)
        .output()
        .map_err(|error| MutantError::File(tree.to_owned(), error))
}

/// The line that says what is broken: of the simulator, of what looks at system calls or at steps, or of the first test that failed.
fn complaint(output: &Output) -> String {
    let text = [&output.stderr[..], &output.stdout[..]]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .join("\n");
    let failed = text.lines().find(|line| line.ends_with("FAILED") || line.starts_with("---- "));
    let broken = [" at event ", ", at line ", ".ndjson:", " was to come of it, "];
    let broken = text.lines().find(|line| broken.iter().any(|words| line.contains(words)));
    broken.or(failed).unwrap_or_default().trim().to_owned()
}

impl fmt::Display for MutantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Museum(error) => write!(f, "{error}"),
            Self::BadHeader(patch, key) => write!(f, "{} has no header line \"{key}\"", patch.display()),
            Self::DoesNotBuild(name, why) => write!(f, "{name} does not build: {}", why.trim()),
            Self::CannotLook(layer, why) => write!(f, "{} cannot look: {why}", layer.name()),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for MutantError {}
