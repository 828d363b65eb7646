//! Traces that nobody recorded: the library's own log on a disk in memory, which tells of each call as strace would, and messages that are
//! sent whenever a test likes.

use seaworthy::codec::{Record, encode_frame};
use seaworthy::wal::{Batch, FileName, Files, Identity, Layout, Wal};
use seaworthy_conformance::disk_kit::crc32c;
use seaworthy_conformance::syscalls::{Run, Trace, squeeze};
use seaworthy_protocol::{Entry, Envelope, Message, NodeId, Term};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;

/// Small, so that there is more than one segment.
pub(crate) const LAYOUT: Layout = Layout { segment_size: 1024, piece_size: 1024 };

pub(crate) fn node(id: u8) -> NodeId {
    NodeId::new(id).unwrap()
}

/// Microseconds, the same on all nodes.
pub(crate) type Clock = Rc<Cell<u64>>;

/// As `strace -xx` writes them.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// A disk that tells what is done to it.
pub(crate) struct Tape {
    id: u8,
    clock: Clock,
    files: BTreeMap<FileName, Vec<u8>>,
    lines: Vec<String>,
    /// Does it keep its syncs for later?
    holds_syncs: bool,
    /// Those of the directory?
    holds_directory_syncs: bool,
    held: Vec<String>,
    /// Does it tell of nothing?
    is_silent: bool,
    /// Which thread it is that makes the calls.
    thread: u32,
}

impl Tape {
    fn path(&self, name: FileName) -> String {
        format!("/data/{}/{name}", self.id)
    }

    /// A line of strace's, without the thread and the time.
    pub(crate) fn line(&mut self, text: &str) {
        if self.is_silent {
            return;
        }
        let now = self.clock.get() + 10;
        self.clock.set(now);
        let thread = 4000 + 10 * u32::from(self.id) + self.thread;
        self.lines.push(format!("{thread} {}.{:06} {text}", now / 1_000_000, now % 1_000_000));
    }

    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// From now on it is this thread that makes the calls.
    pub(crate) fn thread(&mut self, thread: u32) {
        self.thread = thread;
    }

    fn call(&mut self, text: &str, result: usize) {
        self.line(&format!("{text} = {result} <0.000002>"));
    }

    fn descriptor(&self, name: FileName) -> String {
        format!("7<{}>", escaped(self.path(name).as_bytes()))
    }

    fn quoted(&self, name: FileName) -> String {
        format!("\"{}\"", escaped(self.path(name).as_bytes()))
    }

    /// Bytes go to a socket, or to the standard output.
    pub(crate) fn write_to(&mut self, call: &str, descriptor: &str, bytes: &[u8]) {
        let rest = if call == "sendto" { ", MSG_NOSIGNAL, NULL, 0" } else { "" };
        let text = format!("{call}({descriptor}, \"{}\", {}{rest})", escaped(bytes), bytes.len());
        self.call(&text, bytes.len());
    }
}

impl Files for Tape {
    fn list(&self) -> io::Result<Vec<FileName>> {
        Ok(self.files.keys().copied().collect())
    }

    fn create(&mut self, name: FileName) -> io::Result<()> {
        let flags = "O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC, 0666";
        self.call(&format!("openat(AT_FDCWD</>, {}, {flags})", self.quoted(name)), 7);
        self.files.insert(name, Vec::new());
        Ok(())
    }

    fn len(&self, name: FileName) -> io::Result<u64> {
        Ok(self.files.get(&name).ok_or(io::ErrorKind::NotFound)?.len() as u64)
    }

    fn read(&self, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.files.get(&name).ok_or(io::ErrorKind::NotFound)?;
        let rest = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write(&mut self, name: FileName, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let (file, shown) = (self.descriptor(name), escaped(bytes));
        self.call(&format!("pwrite64({file}, \"{shown}\", {}, {offset})", bytes.len()), bytes.len());
        let held = self.files.get_mut(&name).ok_or(io::ErrorKind::NotFound)?;
        let begin = usize::try_from(offset).unwrap();
        held.resize(held.len().max(begin + bytes.len()), 0);
        held[begin..begin + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self, name: FileName) -> io::Result<()> {
        let text = format!("fdatasync({}) = 0 <0.000002>", self.descriptor(name));
        if self.holds_syncs {
            self.held.push(text)
        } else {
            self.line(&text)
        }
        Ok(())
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        let text = format!("fsync(8<{}>) = 0 <0.000002>", escaped(format!("/data/{}", self.id).as_bytes()));
        if self.holds_directory_syncs {
            self.held.push(text)
        } else {
            self.line(&text)
        }
        Ok(())
    }

    fn rename(&mut self, from: FileName, to: FileName) -> io::Result<()> {
        self.call(&format!("rename({}, {})", self.quoted(from), self.quoted(to)), 0);
        let bytes = self.files.remove(&from).ok_or(io::ErrorKind::NotFound)?;
        self.files.insert(to, bytes);
        Ok(())
    }

    fn remove(&mut self, name: FileName) -> io::Result<()> {
        self.call(&format!("unlink({})", self.quoted(name)), 0);
        self.files.remove(&name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// A node's process, and those before it.
pub(crate) struct Process {
    id: u8,
    clock: Clock,
    pub(crate) wal: Wal<Tape>,
    greeted: BTreeSet<u8>,
    earlier: Vec<Vec<String>>,
}

impl Process {
    /// A node with a new directory.
    pub(crate) fn start(id: u8, clock: &Clock) -> Self {
        let mut tape = Tape {
            id,
            clock: clock.clone(),
            files: BTreeMap::new(),
            lines: Vec::new(),
            holds_syncs: false,
            holds_directory_syncs: false,
            held: Vec::new(),
            is_silent: false,
            thread: 0,
        };
        introduce(&mut tape);
        let identity = Identity { cluster: 1, node: node(id), directory: 900 + u128::from(id), starts: 0 };
        let tape = Wal::init(tape, identity, LAYOUT).unwrap();
        let (wal, _) = Wal::open::<u64>(tape, LAYOUT).unwrap();
        Self { id, clock: clock.clone(), wal, greeted: BTreeSet::new(), earlier: Vec::new() }
    }

    /// It dies, and comes back. If `is_silent`, nothing is told of what recovery does to the log: as if it did nothing.
    pub(crate) fn restart(self, is_silent: bool) -> Self {
        let Self { id, clock, wal, mut earlier, .. } = self;
        let mut tape = wal.into_files();
        earlier.push(std::mem::take(&mut tape.lines));
        tape.held.clear();
        (tape.holds_syncs, tape.holds_directory_syncs) = (false, false);
        introduce(&mut tape);
        tape.is_silent = is_silent;
        let (mut wal, _) = Wal::open::<u64>(tape, LAYOUT).unwrap();
        wal.files_mut().is_silent = false;
        Self { id, clock, wal, greeted: BTreeSet::new(), earlier }
    }

    pub(crate) fn tape(&mut self) -> &mut Tape {
        self.wal.files_mut()
    }

    /// From now on its syncs of files, or of the directory, are done when they are asked for with [`sync_late`](Self::sync_late).
    pub(crate) fn hold_syncs(&mut self, of_files: bool, of_the_directory: bool) {
        let tape = self.tape();
        (tape.holds_syncs, tape.holds_directory_syncs) = (of_files, of_the_directory);
    }

    pub(crate) fn sync_late(&mut self) {
        let tape = self.tape();
        (tape.holds_syncs, tape.holds_directory_syncs) = (false, false);
        let held = std::mem::take(&mut tape.held);
        held.iter().for_each(|line| tape.line(line));
    }

    pub(crate) fn write(&mut self, records: &[Record<&[Entry<u64>]>]) {
        let mut batch = Batch::default();
        records.iter().for_each(|record| batch.push(record));
        self.wal.append(&mut batch).unwrap();
    }

    /// A term, and a vote; 0 for nobody.
    pub(crate) fn vote(&mut self, term: u64, candidate: u8) {
        self.write(&[Record::TermAndVote { current_term: Term(term), voted_for: NodeId::new(candidate) }]);
    }

    pub(crate) fn frame(&self, to: u8, term: u64, message: Message<&[Entry<u64>]>) -> Vec<u8> {
        let length = if let Message::InstallSnapshot(chunk) = message { chunk.length } else { 0 };
        let chunk = vec![1; usize::try_from(length).unwrap()];
        let envelope = Envelope { from: node(self.id), to: node(to), term: Term(term), message };
        let mut bytes = Vec::new();
        encode_frame(&envelope, &chunk, &mut bytes);
        bytes
    }

    /// The first bytes of a connection.
    pub(crate) fn hello(&self, to: u8) -> Vec<u8> {
        let identity = self.wal.identity();
        let mut bytes = b"seaworth\x01\x00\x01\x00".to_vec();
        bytes.extend_from_slice(&identity.cluster.to_le_bytes());
        bytes.extend_from_slice(&[self.id, to]);
        bytes.extend_from_slice(&identity.directory.to_le_bytes());
        bytes.extend_from_slice(&identity.starts.to_le_bytes());
        let checksum = crc32c(0, &bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// What the system calls the socket to a peer.
    pub(crate) fn socket(&self, to: u8) -> String {
        format!("9<{}>", escaped(format!("socket:[{}{to}{}]", self.id, self.earlier.len()).as_bytes()))
    }

    pub(crate) fn send_bytes(&mut self, to: u8, bytes: &[u8]) {
        let socket = self.socket(to);
        if self.greeted.insert(to) {
            let hello = self.hello(to);
            self.tape().write_to("sendto", &socket, &hello);
        }
        self.tape().write_to("sendto", &socket, bytes);
    }

    pub(crate) fn send(&mut self, to: u8, term: u64, message: Message<&[Entry<u64>]>) {
        let frame = self.frame(to, term, message);
        self.send_bytes(to, &frame);
    }

    /// Says a line to its client.
    pub(crate) fn say(&mut self, line: &str) {
        self.tape().write_to("write", PIPE, format!("{line}\n").as_bytes());
    }
}

const PIPE: &str = "1<\\x70\\x69\\x70\\x65>";

fn introduce(tape: &mut Tape) {
    let line = format!("node {0} {1} /data/{0}\n", tape.id, 4000 + u32::from(tape.id));
    tape.write_to("write", PIPE, line.as_bytes());
}

/// A process's lines, read back.
pub(crate) fn parse(lines: &[String]) -> Trace {
    let text = lines.join("\n") + "\n";
    let mut squeezed = Vec::new();
    squeeze(text.as_bytes(), &mut squeezed).unwrap();
    assert!(squeezed.len() <= text.len());
    let (trace, plain) = (Trace::read(&squeezed[..]).unwrap(), Trace::read(text.as_bytes()).unwrap());
    assert_eq!(trace.calls, plain.calls, "squeezing changes nothing");
    trace
}

/// All that these processes, and those before them, have done.
pub(crate) fn runs(processes: impl IntoIterator<Item = Process>) -> Vec<Run> {
    let mut runs = Vec::new();
    for Process { id, wal, earlier, .. } in processes {
        let lines = earlier.into_iter().chain([wal.into_files().lines]);
        runs.extend((1..).zip(lines).map(|(number, lines)| Run {
            node: node(id),
            number,
            trace: parse(&lines),
        }));
    }
    runs
}
