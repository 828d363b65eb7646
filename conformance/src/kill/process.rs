//! One process, from its start to its death, as those see it who ask it something. Nobody waits for a pipe but two threads of its own:
//! a process that is stopped reads nothing.

use super::pipe::{Answer, Answered, Asked, Request};
use super::progress::Progress;
use super::{Outcome, PATIENCE};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: Sender<String>,
    waiting: Arc<Waiting>,
    /// Hears that its output has ended.
    end: Receiver<()>,
    pub(crate) is_stopped: bool,
}

/// Who waits for its answers.
#[derive(Debug)]
struct Waiting {
    /// By the number of the request; nothing once the process is gone.
    requests: Mutex<Option<HashMap<u64, Waits>>>,
    /// It is on purpose that it ends.
    is_killed: AtomicBool,
}

#[derive(Debug)]
struct Waits {
    /// What is written by it, if it is done.
    value: Option<i64>,
    tell: Sender<Answer>,
}

/// Where it is said what a process does by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Arc<Mutex<Vec<String>>>);

impl Faults {
    fn add(&self, fault: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// No process has done anything by itself.
    pub(crate) fn check(&self) -> Outcome<()> {
        let faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ").into()) }
    }
}

impl Process {
    pub(crate) fn start(
        mut command: Command,
        name: &str,
        may_end: bool,
        progress: Arc<Progress>,
        faults: Faults,
    ) -> Outcome<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take().ok_or("a pipe")?, child.stdout.take().ok_or("a pipe")?);
        let (lines, taken) = channel();
        thread::spawn(move || write(input, &taken));
        let requests = Mutex::new(Some(HashMap::new()));
        let waiting = Arc::new(Waiting { requests, is_killed: AtomicBool::new(may_end) });
        let (ended, end) = channel();
        let (listener, name) = (Arc::clone(&waiting), name.to_owned());
        thread::spawn(move || {
            let fault = listener.listen(output, &progress);
            if !listener.is_killed.load(Ordering::SeqCst) {
                faults.add(format!("{name} {fault}"));
            }
            // Nobody may want to know.
            let _ = ended.send(());
        });
        Ok(Self { child, lines, waiting, end, is_stopped: false })
    }

    /// Asks it something. Nothing if it is gone: then it has not been asked.
    pub(crate) fn ask(&self, number: u64, request: Request) -> Outcome<Option<Receiver<Answer>>> {
        let value = match &request {
            Request::Change(change) => Some(change.value()),
            Request::Read(_) | Request::Everything | Request::Status => None,
        };
        let line = serde_json::to_string(&Asked { number, request })? + "\n";
        let (tell, told) = channel();
        let mut requests = self.waiting.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(requests) = requests.as_mut() else { return Ok(None) };
        requests.insert(number, Waits { value, tell });
        // If the pipe has broken, its output ends, too, and whoever waits is told.
        let _ = self.lines.send(line);
        Ok(Some(told))
    }

    /// From now on it is a fault, or none, if it ends by itself.
    pub(crate) fn may_end(&self, may_end: bool) {
        self.waiting.is_killed.store(may_end, Ordering::SeqCst);
    }

    pub(crate) fn has_ended(&mut self) -> Outcome<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    pub(crate) fn stop(&mut self) -> Outcome<()> {
        self.is_stopped = true;
        Ok(kill_process(Pid::from_child(&self.child), Signal::STOP)?)
    }

    pub(crate) fn go_on(&mut self) -> Outcome<()> {
        self.is_stopped = false;
        Ok(kill_process(Pid::from_child(&self.child), Signal::CONT)?)
    }

    /// `kill -9`. When this returns, all that it has said has been heard.
    pub(crate) fn kill(mut self) -> Outcome<()> {
        self.waiting.is_killed.store(true, Ordering::SeqCst);
        self.child.kill()?;
        self.end.recv_timeout(PATIENCE).map_err(|_| "a killed process does not end")?;
        self.child.wait()?;
        Ok(())
    }
}

fn write(mut input: ChildStdin, lines: &Receiver<String>) {
    while let Ok(line) = lines.recv() {
        if input.write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}

impl Waiting {
    /// Hands on what the process says, until it says nothing any more; and says how that was.
    fn listen(&self, output: ChildStdout, progress: &Progress) -> String {
        let mut fault = "has ended by itself".to_owned();
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(answered) => self.hand_on(answered, progress),
                Err(error) => {
                    fault = format!("has said {line:?}, which is no answer: {error}");
                    break;
                }
            }
        }
        // Nobody waits for it any more.
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner) = None;
        fault
    }

    fn hand_on(&self, Answered { number, answer }: Answered, progress: &Progress) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Waits { value, tell }) = requests.as_mut().and_then(|requests| requests.remove(&number))
        else {
            return;
        };
        if let (Answer::Done, Some(value)) = (&answer, value) {
            progress.acknowledge(value);
        }
        // Whoever has lost patience has gone.
        let _ = tell.send(answer);
    }
}
