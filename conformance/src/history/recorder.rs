//! Writes a history down while it happens.

use super::event::{Action, Event, Kind, Said};
use super::reading::Outcome;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Where all processes write. An operation's beginning is recorded before anybody is asked, and its end when the answer is there: so
/// the order of the lines is one in which it may have happened.
#[derive(Debug)]
pub struct Recorder {
    pages: Mutex<Pages>,
    began: Instant,
}

#[derive(Debug)]
struct Pages {
    file: File,
    running: HashMap<u64, (String, Action)>,
}

impl Recorder {
    /// Records into this file, which is made anew. Each line is with the system before the call returns.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        let pages = Pages { file: File::create(path)?, running: HashMap::new() };
        Ok(Self { pages: Mutex::new(pages), began: Instant::now() })
    }

    /// A process begins something: to be called before it asks.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub fn begin(&self, process: u64, key: &str, action: Action) -> io::Result<()> {
        let (f, value) = action.fields();
        let key = key.to_owned();
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.running.insert(process, (key.clone(), action));
        let (kind, f, key) = (Kind::Invoke, Some(f), Some(key));
        pages.write(&Event { process, kind, f, key, value, time: self.time(), note: None })
    }

    /// It has been told, or nobody will tell it any more.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub fn end(&self, process: u64, outcome: Outcome, note: Option<String>) -> io::Result<()> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let running = pages.running.remove(&process);
        let (key, action) = running.ok_or_else(|| io::Error::other("what has not begun cannot end"))?;
        let (f, asked) = action.fields();
        let (kind, value) = match outcome {
            Outcome::Done => (Kind::Ok, asked),
            Outcome::Found(value) => (Kind::Ok, Some(Said::One(value))),
            Outcome::Failed => (Kind::Fail, asked),
            Outcome::Unknown => (Kind::Info, asked),
        };
        let (f, key) = (Some(f), Some(key));
        pages.write(&Event { process, kind, f, key, value, time: self.time(), note })
    }

    fn time(&self) -> Option<u64> {
        u64::try_from(self.began.elapsed().as_nanos()).ok()
    }
}

impl Pages {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }
}
