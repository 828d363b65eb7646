//! A log, its disk and its ledger, from life to life.

use super::ledger::{Ledger, snapshot_bytes, snapshot_of};
use super::shared::SharedFiles;
use super::subject::{Refusal, Subject, Unopened};
use super::workload::{Request, Step};
use rand_pcg::Pcg64Mcg;

/// A log on trial.
#[derive(Debug)]
pub struct Trial<S> {
    /// Its disk.
    pub files: SharedFiles,
    /// What it must hold.
    pub ledger: Ledger,
    /// The log; nothing while its process is dead.
    log: Option<S>,
    /// The highest number of a start that it said.
    starts: u64,
}

impl<S: Subject> Trial<S> {
    /// A log with a new directory.
    ///
    /// # Errors
    ///
    /// If there is none, though nothing is wrong with the disk.
    pub fn begin() -> Result<Self, String> {
        let files = SharedFiles::default();
        S::init(files.clone()).map_err(|error| format!("not initialised: {error}"))?;
        let mut trial = Self { files, ledger: Ledger::default(), log: None, starts: 0 };
        trial.open()?;
        Ok(trial)
    }

    /// Another one with the same disk and the same ledger, not open.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { files: self.files.copy(), ledger: self.ledger.clone(), log: None, starts: self.starts }
    }

    /// The process starts, and finds what it must.
    ///
    /// # Errors
    ///
    /// If it does not start, or finds something else.
    pub fn open(&mut self) -> Result<(), String> {
        match self.try_open()? {
            Ok(()) => Ok(()),
            Err(error) => Err(format!("it was not opened: {error}")),
        }
    }

    /// The process starts, if it can.
    ///
    /// # Errors
    ///
    /// If it starts, and finds something else than it must.
    pub fn try_open(&mut self) -> Result<Result<(), Unopened>, String> {
        self.log = None;
        let (log, durable) = match S::open(self.files.clone()) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        self.ledger.find(&durable)?;
        let snapshot = durable.snapshot();
        self.starts = match log.starts() {
            starts if starts > self.starts => starts,
            starts => return Err(format!("start {starts} came after start {}", self.starts)),
        };
        self.log = Some(log);
        if let Some(snapshot) = snapshot {
            self.read_back(snapshot)?;
        }
        Ok(Ok(()))
    }

    /// The snapshot that the log names is there, as it was.
    fn read_back(&mut self, snapshot: seaworthy_protocol::Snapshot) -> Result<(), String> {
        let length = usize::try_from(snapshot.length).map_err(|error| error.to_string())?;
        let bytes = self.log()?.read_snapshot(snapshot, 0, length);
        let is_whole = snapshot == snapshot_of(snapshot.last) && bytes == Some(snapshot_bytes(snapshot.last));
        if is_whole { Ok(()) } else { Err(format!("snapshot {snapshot} is not what it was")) }
    }

    /// The log itself.
    ///
    /// # Errors
    ///
    /// If it is not open.
    pub fn log(&mut self) -> Result<&mut S, String> {
        self.log.as_mut().ok_or_else(|| "the log is not open".to_owned())
    }

    /// The process dies, and the system lives.
    pub fn restart(&mut self) {
        self.log = None;
        self.files.mend();
    }

    /// The system dies.
    pub fn crash(&mut self, dice: &mut Pcg64Mcg) {
        self.log = None;
        self.files.crash(dice);
    }

    /// Asks for something for the first time.
    ///
    /// # Errors
    ///
    /// What the log says.
    pub fn ask(&mut self, request: &Request) -> Result<(), Refusal> {
        if let Request::Append(_, states) = request {
            self.ledger.ask(states);
        }
        self.ask_again(request)
    }

    /// Asks for something that was refused.
    ///
    /// # Errors
    ///
    /// What the log says.
    pub fn ask_again(&mut self, request: &Request) -> Result<(), Refusal> {
        let Some(log) = &mut self.log else { return Err(Refusal::Failed) };
        match request {
            Request::Append(records, _) => {
                log.append(records)?;
                self.ledger.acknowledge();
            }
            Request::Save(snapshot) => log.save_snapshot(*snapshot, &snapshot_bytes(snapshot.last))?,
            Request::Stage(chunk) => log.stage(chunk, &Request::chunk_bytes(chunk))?,
            // What was refused by half is begun anew, as if there had been no room.
            Request::KeepStaged(snapshot) => {
                if !log.keep_staged(*snapshot)? {
                    return Err(Refusal::Full);
                }
            }
        }
        Ok(())
    }

    /// Does steps until one is refused.
    ///
    /// # Errors
    ///
    /// What the log says.
    pub fn run(&mut self, steps: &[Step]) -> Result<(), Refusal> {
        for step in steps {
            for request in step.requests(&self.ledger) {
                self.ask(&request)?;
            }
        }
        Ok(())
    }

    /// Does steps while nothing is wrong with the disk.
    ///
    /// # Errors
    ///
    /// If one is refused.
    pub fn run_well(&mut self, steps: &[Step]) -> Result<(), String> {
        self.run(steps).map_err(|refusal| format!("refused though nothing is wrong: {refusal:?}"))
    }

    /// Whatever the log does next, it must not lose: does a little more, crashes, and looks.
    ///
    /// # Errors
    ///
    /// If something is missing.
    pub fn go_on(&mut self, dice: &mut Pcg64Mcg) -> Result<(), String> {
        self.run_well(&[Step::Together(super::clauses::LITTLE)])?;
        self.crash(dice);
        self.open()
    }
}
