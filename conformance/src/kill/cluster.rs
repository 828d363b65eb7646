//! Processes with their directories, killed, stopped and started again.

use super::node::NodeSettings;
use super::pipe::{Answer, Request};
use super::process::{Faults, Process};
use super::progress::Progress;
use super::store::Store;
use super::{Outcome, PATIENCE};
use seaworthy::{NodeId, init};
use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Cluster {
    directory: PathBuf,
    addresses: Vec<String>,
    settings: NodeSettings,
    /// Where the nodes record their steps, if they do.
    trace: Option<PathBuf>,
    /// Nothing where one was killed.
    places: Vec<Mutex<Option<Process>>>,
    requests: AtomicU64,
    pub(crate) progress: Arc<Progress>,
    pub(crate) faults: Faults,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Silence {
    /// Nobody was asked: the process is not there.
    NotThere,
    /// It was killed meanwhile.
    Killed,
    /// It has not answered in time.
    TooLate,
}

impl Cluster {
    /// Starts so many nodes with new directories below this one. They record what they do, if it is said where.
    pub(crate) fn start(
        directory: &Path,
        nodes: usize,
        settings: NodeSettings,
        trace: Option<PathBuf>,
    ) -> Outcome<Self> {
        // The system chooses ports.
        let listeners: Vec<TcpListener> =
            (0..nodes).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
        let address = |listener: &TcpListener| listener.local_addr().map(|address| address.to_string());
        let addresses = listeners.iter().map(address).collect::<Result<_, _>>()?;
        drop(listeners);
        let cluster = Self {
            directory: directory.to_owned(),
            addresses,
            settings,
            trace,
            places: (0..nodes).map(|_| Mutex::new(None)).collect(),
            requests: AtomicU64::new(0),
            progress: Arc::default(),
            faults: Faults::default(),
        };
        for place in 0..nodes {
            cluster.init(place)?;
            cluster.launch(place)?;
        }
        Ok(cluster)
    }

    /// How many nodes there are.
    pub(crate) fn nodes(&self) -> usize {
        self.places.len()
    }

    /// Makes the directory of a node.
    pub(crate) fn init(&self, place: usize) -> Outcome<()> {
        let id = NodeId::new(u8::try_from(place + 1)?).ok_or("a node has a number")?;
        Ok(init(&self.directory_of(place), 1, id)?)
    }

    pub(crate) fn directory_of(&self, place: usize) -> PathBuf {
        self.directory.join(format!("node-{}", place + 1))
    }

    fn place(&self, place: usize) -> MutexGuard<'_, Option<Process>> {
        self.places[place].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a node has said, in all its lives.
    pub(crate) fn log_of(&self, place: usize) -> PathBuf {
        self.directory.join(format!("node-{}.log", place + 1))
    }

    /// From now on it is a fault, or none, if a node ends by itself.
    pub(crate) fn may_end(&self, place: usize, may_end: bool) {
        if let Some(process) = &*self.place(place) {
            process.may_end(may_end);
        }
    }

    /// Has a node ended by itself?
    pub(crate) fn has_ended(&self, place: usize) -> Outcome<bool> {
        self.place(place).as_mut().map_or(Ok(false), Process::has_ended)
    }

    /// Starts a node, in the directory that it had before. It is not waited for.
    pub(crate) fn launch(&self, place: usize) -> Outcome<()> {
        self.launch_as(place, false)
    }

    fn launch_as(&self, place: usize, may_end: bool) -> Outcome<()> {
        let name = format!("node {}", place + 1);
        let log = OpenOptions::new().append(true).create(true).open(self.log_of(place))?;
        let mut command = Command::new(std::env::current_exe()?);
        let NodeSettings { snapshot_every, segment_size, reads_stale } = self.settings;
        command.args(["node", "--snapshot-every", &snapshot_every.to_string()]);
        command.args(["--segment-size", &segment_size.to_string()]);
        command.args(reads_stale.then_some("--reads-stale"));
        if let Some(trace) = &self.trace {
            command.arg("--trace").arg(trace);
        }
        command.arg((place + 1).to_string()).arg(self.directory_of(place)).args(&self.addresses).stderr(log);
        let process =
            Process::start(command, &name, may_end, Arc::clone(&self.progress), self.faults.clone())?;
        *self.place(place) = Some(process);
        Ok(())
    }

    /// Starts a node that may refuse to.
    pub(crate) fn launch_in_doubt(&self, place: usize) -> Outcome<()> {
        self.launch_as(place, true)
    }

    pub(crate) fn kill(&self, place: usize) -> Outcome<()> {
        let process = self.place(place).take();
        process.map_or(Ok(()), Process::kill)
    }

    pub(crate) fn stop(&self, place: usize) -> Outcome<()> {
        self.place(place).as_mut().map_or(Ok(()), Process::stop)
    }

    pub(crate) fn go_on(&self, place: usize) -> Outcome<()> {
        self.place(place).as_mut().map_or(Ok(()), Process::go_on)
    }

    pub(crate) fn is_there(&self, place: usize) -> bool {
        self.place(place).is_some()
    }

    /// Asks a node, and waits for its answer.
    pub(crate) fn ask(
        &self,
        place: usize,
        request: Request,
        patience: Duration,
    ) -> Outcome<Result<Answer, Silence>> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let told = match &*self.place(place) {
            Some(process) => process.ask(number, request)?,
            None => None,
        };
        let Some(told) = told else { return Ok(Err(Silence::NotThere)) };
        Ok(told.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Disconnected => Silence::Killed,
            RecvTimeoutError::Timeout => Silence::TooLate,
        }))
    }

    /// Who leads: of those that believe that they do, the one in the newest term.
    pub(crate) fn leader(&self) -> Outcome<usize> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let mut leaders = Vec::new();
            for place in 0..self.nodes() {
                let answer = self.ask(place, Request::Status, Duration::from_secs(1))?;
                if let Ok(Answer::Status { term, leader: Some(leader) }) = answer {
                    if usize::from(leader) == place + 1 {
                        leaders.push((term, place));
                    }
                }
            }
            if let Some((_, place)) = leaders.iter().max() {
                return Ok(*place);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(format!("nobody leads for half a minute: {}", self.diagnosis()).into())
    }

    /// What a node has, once it can say that this is all there is. It is asked until it does.
    pub(crate) fn everything_of(&self, place: usize) -> Outcome<Store> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Ok(Answer::Everything(store)) =
                self.ask(place, Request::Everything, Duration::from_secs(5))?
            {
                return Ok(store);
            }
            self.faults.check()?;
            thread::sleep(Duration::from_millis(5));
        }
        let why = format!("node {} cannot be read for half a minute: {}", place + 1, self.diagnosis());
        Err(why.into())
    }

    /// What each node says of itself, for whoever has waited in vain.
    pub(crate) fn diagnosis(&self) -> String {
        let of = |place: usize| {
            let name = format!("node {}", place + 1);
            if self.place(place).as_ref().is_some_and(|process| process.is_stopped) {
                return format!("{name} is stopped");
            }
            match self.ask(place, Request::Status, Duration::from_secs(2)) {
                Ok(Ok(Answer::Status { term, leader: Some(leader) })) => {
                    format!("{name} is in term {term} with leader {leader}")
                }
                Ok(Ok(Answer::Status { term, leader: None })) => {
                    format!("{name} is in term {term} without a leader")
                }
                Ok(Err(Silence::NotThere | Silence::Killed)) => format!("{name} was killed"),
                Ok(Err(Silence::TooLate)) => format!("{name} does not answer"),
                Ok(Ok(answer)) => format!("{name} says {answer:?}"),
                Err(error) => format!("{name} cannot be asked: {error}"),
            }
        };
        (0..self.nodes()).map(of).collect::<Vec<_>>().join(", ")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for place in 0..self.nodes() {
            // Whoever cannot be killed is beyond our help.
            let _ = self.kill(place);
        }
    }
}
