//! A whole run: processes, clients at work, trouble, and a judgement.

use super::clients::Clients;
use super::cluster::Cluster;
use super::node::NodeSettings;
use super::rounds::Trouble;
use super::{NODES, Outcome, ending};
use crate::history::{self, History, Recorder};
use crate::trace::{self, validate};
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// What is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What goes wrong.
    pub trouble: Trouble,
    /// How many clients are at work all the time.
    pub clients: usize,
    /// On how many keys.
    pub keys: usize,
    /// Where the history is recorded, if it is to be kept.
    pub history: Option<PathBuf>,
    /// Do the nodes record their steps? Where, if not beside all else.
    pub trace: Option<Option<PathBuf>>,
    /// How the nodes are.
    pub node: NodeSettings,
}

/// What came of a run in which all was well.
#[derive(Clone, Debug)]
pub struct Report {
    /// What went wrong.
    pub trouble: String,
    /// How many changes were acknowledged.
    pub acknowledged: usize,
    /// How many operations there are in the history.
    pub operations: usize,
    /// Of how many of them nobody knows.
    pub unknown: usize,
    /// How many did not happen.
    pub failed: usize,
    /// The most configurations that the checker had at once.
    pub configurations: usize,
    /// How long it took to judge the history.
    pub judging: Duration,
    /// What the nodes have recorded, if they have.
    pub trace: Option<trace::Report>,
    /// How long it all took.
    pub took: Duration,
}

/// Why a run is over.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong.
    pub why: Box<dyn std::error::Error + Send + Sync>,
    /// Where everything is kept: the nodes' directories, what they have said, the history.
    pub kept: Option<PathBuf>,
    /// The history, if it is somewhere else.
    pub history: Option<PathBuf>,
}

/// Runs a cluster until all rounds are over, and judges it.
///
/// The nodes are processes of this program, started with the arguments `node` and those of [`node`](super::node()).
///
/// # Errors
///
/// If something does not hold, or nothing moves any more. Then everything is kept.
pub fn run(settings: &Settings) -> Result<Report, Failure> {
    let history = settings.history.clone();
    let failing = |kept| move |why| Failure { why, kept, history };
    let directory = match tempfile::Builder::new().prefix("seaworthy-kill-").tempdir() {
        Ok(directory) => directory,
        Err(error) => return Err(failing(None)(error.into())),
    };
    attempt(settings, directory.path()).map_err(|why| failing(Some(directory.keep()))(why))
}

fn attempt(settings: &Settings, directory: &Path) -> Outcome<Report> {
    let began = Instant::now();
    let path = settings.history.clone().unwrap_or_else(|| directory.join("history.jsonl"));
    let recorder = Recorder::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let trace = settings.trace.clone().map(|trace| trace.unwrap_or_else(|| directory.join("trace")));
    trace.as_deref().map_or(Ok(()), room_for_traces)?;
    let cluster = Cluster::start(directory, NODES, settings.node, trace.clone())?;
    let clients = Clients::new(cluster, recorder, settings.keys, settings.trouble.seed());
    let trouble = at_work(&clients, settings.clients, |clients| settings.trouble.make(clients))?;
    let acknowledged = ending::check(&clients)?;
    // Nobody records any more.
    drop(clients);
    let history = History::read(&path)?;
    let judging = Instant::now();
    let judgement = history.judge();
    let judging = judging.elapsed();
    if let Some(violation) = judgement.violation {
        return Err(violation.to_string().into());
    }
    let trace = trace.as_deref().map(validate).transpose()?;
    let count = |outcome| history.operations.iter().filter(|operation| operation.outcome == outcome).count();
    Ok(Report {
        trouble,
        acknowledged,
        operations: history.operations.len(),
        unknown: count(history::Outcome::Unknown),
        failed: count(history::Outcome::Failed),
        configurations: judgement.configurations,
        judging,
        trace,
        took: began.elapsed(),
    })
}

/// Traces of another run would tell of other messages.
fn room_for_traces(directory: &Path) -> Outcome<()> {
    let failing = |error| format!("{}: {error}", directory.display());
    fs::create_dir_all(directory).map_err(failing)?;
    let mut others = fs::read_dir(directory).map_err(failing)?;
    match others.next() {
        None => Ok(()),
        Some(_) => Err(format!("{} is not empty", directory.display()).into()),
    }
}

/// Does something while clients are at work.
pub(crate) fn at_work<T>(
    clients: &Clients,
    count: usize,
    work: impl FnOnce(&Clients) -> Outcome<T>,
) -> Outcome<T> {
    thread::scope(|scope| {
        let over = Over(clients);
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(|| clients.client().work())).collect();
        let outcome = work(clients);
        drop(over);
        for worker in workers {
            worker.join().map_err(|_| "a client has panicked")??;
        }
        outcome
    })
}

/// Tells the clients that it is over, also if whoever made the trouble has panicked: they are waited for.
struct Over<'a>(&'a Clients);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { trouble, acknowledged, operations, unknown, failed, configurations, judging, trace, took } =
            self;
        writeln!(f, "{trouble}")?;
        writeln!(f, "{acknowledged} changes acknowledged, none lost, none done twice, all nodes equal")?;
        writeln!(
            f,
            "{operations} operations ({unknown} of which nobody knows, {failed} that did not happen): linearizable, \
             judged in {judging:.0?}, at most {configurations} configurations at once"
        )?;
        if let Some(trace) = trace {
            writeln!(f, "{trace}")?;
        }
        write!(f, "{took:.0?} in all")
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.why)?;
        if let Some(kept) = &self.kept {
            write!(f, "\n\nkept in {}: what each node has and has said", kept.display())?;
        }
        match (&self.history, &self.kept) {
            (Some(history), _) => write!(f, "\nthe history: {}", history.display()),
            (None, Some(kept)) => write!(f, "\nthe history: {}", kept.join("history.jsonl").display()),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}
