//! Lines put together to operations: what begins, and how it ends.

use super::event::{Action, Event, Function, Kind, Said, Value};
use super::mistake::{Misread, Mistake};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

/// A whole history.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What was done, in the order in which it began.
    pub operations: Vec<Operation>,
    /// The last line, if it was incomplete: whoever recorded it was stopped. It is left out.
    pub cut: Option<usize>,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Whose.
    pub process: u64,
    /// On which key.
    pub key: Arc<str>,
    /// What was asked for.
    pub action: Action,
    /// What is known of it.
    pub outcome: Outcome,
    /// The line in which it began.
    pub begin: usize,
    /// The line in which the process was told, if it was.
    pub end: Option<usize>,
}

/// What is known of an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It was carried out.
    Done,
    /// It was a read, and found this.
    Found(Value),
    /// It was not carried out, and never will be.
    Failed,
    /// Nothing: it may take effect at any time after its beginning, or never.
    Unknown,
}

/// Where a process is.
enum Process {
    Runs(usize),
    Idles,
    /// It has said info in this line.
    Spent(usize),
}

impl History {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The first line that is wrong, and how.
    pub fn read(path: &Path) -> Result<Self, Misread> {
        let named = |misread| Misread { file: Some(path.to_owned()), ..misread };
        let file = File::open(path);
        let file = file.map_err(|error| named(Misread { file: None, line: 0, mistake: error.into() }))?;
        Self::parse(BufReader::new(file)).map_err(named)
    }

    /// Reads lines from anywhere.
    ///
    /// # Errors
    ///
    /// Likewise.
    pub fn parse(mut lines: impl BufRead) -> Result<Self, Misread> {
        let (mut assembly, mut bytes, mut line) = (Assembly::default(), Vec::new(), 0);
        loop {
            line += 1;
            let misread = |mistake| Misread { file: None, line, mistake };
            bytes.clear();
            if lines.read_until(b'\n', &mut bytes).map_err(|error| misread(error.into()))? == 0 {
                return Ok(assembly.history);
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice(&bytes) {
                Ok(event) => assembly.take(line, event).map_err(misread)?,
                Err(error) if error.is_eof() && !bytes.ends_with(b"\n") => {
                    assembly.history.cut = Some(line);
                    return Ok(assembly.history);
                }
                Err(error) => return Err(misread(error.into())),
            }
        }
    }
}

#[derive(Default)]
struct Assembly {
    history: History,
    processes: HashMap<u64, Process>,
    keys: HashMap<String, Arc<str>>,
}

impl Assembly {
    fn take(&mut self, line: usize, event: Event) -> Result<(), Mistake> {
        let id = event.process;
        let process = self.processes.entry(id).or_insert(Process::Idles);
        match (&process, event.kind) {
            (Process::Spent(since), _) => Err(Mistake::Spent { process: id, since: *since }),
            (Process::Runs(running), Kind::Invoke) => {
                Err(Mistake::Busy { process: id, since: self.history.operations[*running].begin })
            }
            (Process::Idles, Kind::Invoke) => {
                *process = Process::Runs(self.history.operations.len());
                let operation = self.begin(line, event)?;
                self.history.operations.push(operation);
                Ok(())
            }
            (Process::Idles, Kind::Ok | Kind::Fail | Kind::Info) => Err(Mistake::Idle { process: id }),
            (Process::Runs(running), Kind::Ok | Kind::Fail | Kind::Info) => {
                let operation = &mut self.history.operations[*running];
                operation.outcome = end(operation, event.kind, &event)?;
                operation.end = Some(line);
                let is_spent = operation.outcome == Outcome::Unknown;
                *process = if is_spent { Process::Spent(line) } else { Process::Idles };
                Ok(())
            }
        }
    }

    fn begin(&mut self, line: usize, event: Event) -> Result<Operation, Mistake> {
        let function = event.f.ok_or(Mistake::Incomplete("f"))?;
        let key = event.key.ok_or(Mistake::Incomplete("key"))?;
        let action = match (function, event.value) {
            (Function::Read, None | Some(Said::One(None))) => Action::Read,
            (Function::Write, Some(Said::One(value))) => Action::Write(value),
            (Function::Cas, Some(Said::Two([expected, new]))) => Action::Cas { expected, new },
            (Function::Read | Function::Write | Function::Cas, None | Some(Said::One(_) | Said::Two(_))) => {
                return Err(Mistake::WrongValue(function));
            }
        };
        let key = self.keys.entry(key).or_insert_with_key(|key| Arc::from(key.as_str()));
        let (process, key) = (event.process, Arc::clone(key));
        // Until the process is told, nobody knows.
        Ok(Operation { process, key, action, outcome: Outcome::Unknown, begin: line, end: None })
    }
}

/// What an event tells of an operation that runs. It may repeat what was asked for, but say nothing else.
fn end(operation: &Operation, kind: Kind, event: &Event) -> Result<Outcome, Mistake> {
    let Operation { process, action, begin: since, .. } = *operation;
    let another = |field| Err(Mistake::Another { process, since, began: action, field });
    let (function, asked) = action.fields();
    if event.f.is_some_and(|f| f != function) {
        return another("f");
    }
    if event.key.as_ref().is_some_and(|key| **key != *operation.key) {
        return another("key");
    }
    match (action, kind, event.value) {
        (Action::Read, Kind::Ok, Some(Said::One(value))) => return Ok(Outcome::Found(value)),
        (Action::Read, Kind::Ok, None | Some(Said::Two(_))) => return Err(Mistake::NothingFound),
        // What a read that failed says of a value is for people.
        (Action::Read, Kind::Fail | Kind::Info | Kind::Invoke, _) => {}
        (Action::Write(_) | Action::Cas { .. }, _, said) if said.is_some() && said != asked => {
            return another("value");
        }
        (Action::Write(_) | Action::Cas { .. }, _, _) => {}
    }
    Ok(match kind {
        Kind::Ok => Outcome::Done,
        Kind::Fail => Outcome::Failed,
        Kind::Info | Kind::Invoke => Outcome::Unknown,
    })
}
