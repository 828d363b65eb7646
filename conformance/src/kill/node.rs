//! The process of one node: requests come in on its standard input, and many are under way at once.

use super::pipe::{Answer, Answered, Asked, Request};
use super::store::Store;
use super::{Outcome, PATIENCE};
use seaworthy::wal::Layout;
use seaworthy::{Builder, Compaction, NodeId, NodeSet, ProposeError, Raft, ReadError};
use std::io::{Write, stderr, stdin, stdout};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use tracing_subscriber::filter::LevelFilter;

/// How a node differs from one that nothing was said about.
#[derive(Clone, Copy, Debug)]
pub struct NodeSettings {
    /// It makes a snapshot after so many entries, and keeps half as many behind it.
    pub snapshot_every: u64,
    /// How many bytes of space it makes for a segment of its log.
    pub segment_size: u64,
    /// It answers reads with what it has, however old that is: a bug, to see that it is noticed.
    pub reads_stale: bool,
}

/// Runs until its standard input ends, and records its steps if it is said where.
///
/// # Errors
///
/// If the node does not start, or is told what is no request.
pub fn node(
    id: u8,
    directory: &Path,
    addresses: &[String],
    settings: NodeSettings,
    trace: Option<PathBuf>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let id = NodeId::new(id).ok_or("a node has a number from 1 to 64")?;
    let address = addresses.get(usize::from(id.get()) - 1).ok_or("a node has an address")?;
    let voters = NodeSet::first(u8::try_from(addresses.len())?).iter().zip(addresses.to_owned());
    let NodeSettings { snapshot_every: every, segment_size, reads_stale } = settings;
    tell_of_warnings();
    let builder = Builder::tcp(1, id, voters)
        .listener(listen(address)?)
        .directory(directory)
        .layout(Layout { segment_size, ..Layout::default() })
        .compaction(Compaction { every, keep: every / 2, keep_for_slow: every });
    let builder = match trace {
        Some(trace) => builder.trace(trace),
        None => builder,
    };
    let raft = builder.start(Store::default())?;
    tell_of_leaders(&raft);
    for line in stdin().lines() {
        let Asked { number, request } = serde_json::from_str(&line?)?;
        take(&raft, number, request, reads_stale);
    }
    Ok(())
}

/// Another process may have the port for a moment: the system gives the ports of nodes that are down to whoever connects to somebody.
fn listen(address: &str) -> Outcome<TcpListener> {
    let began = Instant::now();
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) if began.elapsed() > PATIENCE => {
                return Err(format!("cannot listen on {address}: {error}").into());
            }
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// What the library has to say to whoever runs it.
fn tell_of_warnings() {
    let told =
        tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).with_ansi(false).with_writer(stderr);
    told.init();
}

/// For those who read afterwards what happened.
fn tell_of_leaders(raft: &Raft<Store>) {
    let (mut leadership, began) = (raft.leadership(), Instant::now());
    thread::spawn(move || {
        while let Ok(leader) = leadership.wait() {
            let named = leader.id.map_or_else(|| "nobody".to_owned(), |id| format!("node {}", id.get()));
            eprintln!("{:?} after its start: {named} leads in term {}", began.elapsed(), leader.term.0);
        }
    });
}

/// Hands a request to the node, and has its answer waited for beside the next ones.
fn take(raft: &Raft<Store>, number: u64, request: Request, reads_stale: bool) {
    match request {
        Request::Change(change) => {
            let reply = raft.propose(&change);
            thread::spawn(move || say(number, changed(reply.wait())));
        }
        Request::Read(key) => {
            let look = move |store: &Store| store.values.get(&key).copied();
            let reply = if reads_stale { raft.read_stale(look) } else { raft.read(look) };
            thread::spawn(move || say(number, reply.wait().map_or_else(unread, Answer::Found)));
        }
        Request::Everything => {
            let reply = raft.read(Store::clone);
            thread::spawn(move || say(number, reply.wait().map_or_else(unread, Answer::Everything)));
        }
        Request::Status => {
            let status = raft.status();
            say(number, Answer::Status { term: status.term.0, leader: status.leader.map(NodeId::get) });
        }
    }
}

fn changed(outcome: Result<bool, ProposeError>) -> Answer {
    let error = match outcome {
        Ok(true) => return Answer::Done,
        Ok(false) => return Answer::Unchanged,
        Err(error) => error,
    };
    let why = error.to_string();
    match error {
        ProposeError::NotLeader { leader } => Answer::Refused { why, leader: leader.map(NodeId::get) },
        ProposeError::Overloaded
        | ProposeError::TooLarge { .. }
        | ProposeError::Unencodable
        | ProposeError::NotApplied
        | ProposeError::Stopped => Answer::Refused { why, leader: None },
        // What is not known to be known is not known.
        ProposeError::Unknown | _ => Answer::Unknown { why },
    }
}

fn unread(error: ReadError) -> Answer {
    Answer::Refused { why: error.to_string(), leader: None }
}

fn say(number: u64, answer: Answer) {
    if let Ok(line) = serde_json::to_string(&Answered { number, answer }) {
        // If nobody listens any more, nobody asks any more either.
        let _ = writeln!(stdout(), "{line}");
    }
}
