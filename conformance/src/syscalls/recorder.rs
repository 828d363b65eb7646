//! Records what a cluster does: three processes under strace, a client that writes to them, and what happens to them meanwhile.

use super::client::Cluster;
use super::held::Found;
use super::judge::Run;
use super::report::Report;
use super::strace::{ParseError, Trace};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use seaworthy::NodeId;
use seaworthy::wal::{Directory, Layout, OpenError, Recovery, Wal};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The calls that strace writes down: those that this crate understands, and those that it would have to, if they were made.
const CALLS: &str = "trace=openat,pwrite64,write,sendto,fdatasync,fsync,rename,renameat,renameat2,unlink,unlinkat,\
    ?open,?creat,writev,pwritev,pwritev2,sendmsg,sendmmsg,sendfile,splice,copy_file_range,truncate,ftruncate,fallocate,\
    link,linkat,io_uring_setup,io_uring_enter";

/// A cluster to be recorded.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// Where the traces and the data directories go.
    pub directory: PathBuf,
    /// So many writes are to be acknowledged.
    pub writes: u64,
    /// What happens when.
    pub seed: u64,
}

/// Why there is no recording, or none that can be read.
#[derive(Debug)]
pub enum RecordError {
    /// strace is not there, or may not do what it does.
    NoStrace(String),
    /// A file cannot be read or written, or a program not run.
    File(PathBuf, io::Error),
    /// A trace cannot be understood.
    Trace(PathBuf, ParseError),
    /// The cluster did not do what it should.
    Cluster(String),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStrace(why) => {
                write!(f, "strace cannot be used ({why}); Debian has it in the package strace")
            }
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Trace(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Cluster(what) => write!(f, "the cluster: {what}"),
        }
    }
}

impl std::error::Error for RecordError {}

/// Is strace there, and may it look at other processes? In containers it often may not.
fn try_strace() -> Result<(), RecordError> {
    let mut command = Command::new("strace");
    let tried =
        command.args(["-f", "-qq", "--seccomp-bpf", "-e", CALLS, "true"]).stdin(Stdio::null()).output();
    let output = tried.map_err(|error| RecordError::NoStrace(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(RecordError::NoStrace(said.lines().last().unwrap_or("it fails").to_owned()))
}

/// A node's process under strace.
pub(super) fn launch(
    directory: &Path,
    (id, run): (usize, u32),
    every: u64,
    addresses: &[String],
) -> io::Result<Command> {
    let program = std::env::current_exe()?;
    let trace = directory.join(format!("{id}-{run}.strace"));
    let squeeze = format!("|exec {} squeeze {}", quoted(&program), quoted(&trace));
    let mut command = Command::new("strace");
    // All bytes in full, in hexadecimal; files by their names; microseconds; and how long each call took.
    command.args([
        "-f",
        "-qq",
        "-xx",
        "-y",
        "-ttt",
        "-T",
        "--seccomp-bpf",
        "-s",
        "16777216",
        "-e",
        CALLS,
        "-o",
    ]);
    command.arg(squeeze).arg(program).arg("node").arg(id.to_string()).arg(directory.join(id.to_string()));
    command.arg(every.to_string()).args(addresses);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command)
}

/// For the shell that strace asks to run the other end of its pipe.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

impl Recorder {
    /// Lets a cluster live: two leaders and a follower are killed, and come back; the leadership is handed over once; the follower is away
    /// for so long that it gets a snapshot.
    ///
    /// # Errors
    ///
    /// [`RecordError::NoStrace`], if that is not there; or what went wrong.
    pub fn record(&self) -> Result<(), RecordError> {
        try_strace()?;
        let failing = |error| RecordError::File(self.directory.clone(), error);
        fs::create_dir_all(&self.directory).map_err(failing)?;
        if fs::read_dir(&self.directory).map_err(failing)?.next().is_some() {
            let error = io::Error::new(io::ErrorKind::AlreadyExists, "it is not empty");
            return Err(RecordError::File(self.directory.clone(), error));
        }
        // strace tells the names that the kernel has for files.
        let directory = self.directory.canonicalize().map_err(failing)?;
        let mut cluster = Cluster::start(&directory, (self.writes / 2).max(10), self.seed)?;
        self.live(&mut cluster)?;
        cluster.stop()
    }

    fn live(&self, cluster: &mut Cluster) -> Result<(), RecordError> {
        let mut dice = Pcg64Mcg::seed_from_u64(self.seed);
        // Of the writes, in percent, and a little earlier or later.
        let mut at = |percent: u64| (self.writes * (percent + dice.random_range(0..5)) / 100).max(1);
        cluster.write_until(at(8))?;
        let leader = cluster.leader();
        cluster.kill_busy(leader)?;
        cluster.write_until(at(15))?;
        cluster.launch(leader)?;
        cluster.catch_up(leader)?;
        cluster.write_until(at(23))?;
        let follower = cluster.any_follower();
        cluster.kill_busy(follower)?;
        cluster.write_until(at(45))?;
        cluster.hand_over()?;
        cluster.write_until(at(70))?;
        cluster.launch(follower)?;
        cluster.catch_up(follower)?;
        cluster.write_until(at(83))?;
        let leader = cluster.leader();
        cluster.kill_busy(leader)?;
        cluster.write_until(at(92))?;
        cluster.launch(leader)?;
        cluster.write_until(self.writes)?;
        (0..3).try_for_each(|place| cluster.catch_up(place))
    }
}

/// Reads the traces of a recording.
///
/// # Errors
///
/// If a file cannot be read or understood, or if there is none.
pub fn read(directory: &Path) -> Result<Vec<Run>, RecordError> {
    let failing = |error| RecordError::File(directory.to_owned(), error);
    let mut runs = Vec::new();
    for entry in fs::read_dir(directory).map_err(failing)? {
        let path = entry.map_err(failing)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let numbers = name.strip_suffix(".strace").and_then(|name| name.split_once('-'));
        let Some((Ok(node), Ok(number))) = numbers.map(|(node, run)| (node.parse::<u8>(), run.parse()))
        else {
            continue;
        };
        let Some(node) = NodeId::new(node) else { continue };
        let file = File::open(&path).map_err(|error| RecordError::File(path.clone(), error))?;
        let trace = Trace::read(BufReader::with_capacity(1 << 20, file));
        runs.push(Run {
            node,
            number,
            trace: trace.map_err(|error| RecordError::Trace(path.clone(), error))?,
        });
    }
    if runs.is_empty() {
        return Err(failing(io::Error::new(io::ErrorKind::NotFound, "there is no trace in it")));
    }
    Ok(runs)
}

/// Does recovery find on each disk what the calls say that it must hold? It counts as one more start on that directory.
///
/// # Errors
///
/// If not: then either is wrong.
pub fn compare(directory: &Path, report: &Report) -> Result<(), RecordError> {
    for (id, expected) in &report.disks {
        let failing = |error: OpenError| RecordError::Cluster(format!("the disk of {id}: {error}"));
        let files = Directory::open(&directory.join(id.get().to_string())).map_err(failing)?;
        let (_, Recovery { durable, cut: _ }) =
            Wal::open::<u64>(files, Layout::default()).map_err(failing)?;
        let found = Found {
            vote: (durable.current_term(), durable.voted_for()),
            snapshot: durable.snapshot(),
            base: durable.log().base(),
            entries: durable.log().entries().to_vec(),
        };
        if found != *expected {
            let what = format!("the disk of {id} holds {found:?}, and should hold {expected:?}");
            return Err(RecordError::Cluster(what));
        }
    }
    Ok(())
}
