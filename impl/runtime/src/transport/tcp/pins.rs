//! Which data directory each peer had when it was last seen, and in which of its runs. A voter whose disk was wiped has forgotten its
//! votes: under its old name it could vote twice in a term, so it is not listened to. Nor is one on an old copy: of two runs that have
//! the same number, one began on what the other had begun on.
//!
//! The file begins with the directory that it belongs to. Without that, another node's would do, or none: then whoever comes is taken.

use crate::sync::Guarded;
use crate::wal::Identity;
use seaworthy_protocol::NodeId;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

const MAGIC: &[u8; 8] = b"seaworpn";
/// Of the file, not of the wire.
const VERSION: u16 = 2;

/// Why a peer's identity is not taken, or the file of pins not used.
#[derive(Debug, Error)]
pub(crate) enum PinError {
    #[error(
        "node {node} came with data directory {found:032x}, but had {pinned:032x}: if its disk was lost, remove it from the \
         cluster and add a new node in its place; under its old name it may not come back"
    )]
    ChangedDirectory { node: u8, pinned: u128, found: u128 },
    #[error(
        "node {node} has started {found} times, but had already started {pinned} times: its data directory is an old copy; \
         start it on the newest one, or remove it from the cluster and add a new node in its place"
    )]
    RegressedStarts { node: u8, pinned: u32, found: u32 },
    #[error(
        "node {node} has started {starts} times, but is not the run that had started as often: its data directory is an old copy, or \
         is used twice; start it on the newest one, or remove it from the cluster and add a new node in its place"
    )]
    OtherRun { node: u8, starts: u32 },
    #[error("the pinned identities in {} are damaged: {what}", file.display())]
    Damaged { file: PathBuf, what: &'static str },
    #[error("the pinned identities in {} have format version {version}; this program knows up to {VERSION}", file.display())]
    UnknownVersion { file: PathBuf, version: u16 },
    #[error("cannot {operation} {}: {source}", file.display())]
    Failed { operation: &'static str, file: PathBuf, source: io::Error },
}

/// What is known of each peer, shared by all its connections.
#[derive(Clone)]
pub(crate) struct Pins(Guarded<Memory>);

struct Memory {
    /// Nowhere, where nothing needs to outlive the process; and in which directory that is.
    file: Option<(PathBuf, u128)>,
    pins: BTreeMap<NodeId, Pin>,
}

/// Who a node says it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Pin {
    pub(crate) directory: u128,
    /// How often it has started on that.
    pub(crate) starts: u32,
    /// Drawn at this start.
    pub(crate) run: u32,
}

impl Pins {
    /// They are forgotten with the process.
    pub(crate) fn in_memory() -> Self {
        Self(Guarded::new(Memory { file: None, pins: BTreeMap::new() }))
    }

    /// Makes the file of a new data directory.
    pub(crate) fn init(file: &Path, own: &Identity) -> Result<(), PinError> {
        replace(file, &encode(own.directory, &BTreeMap::new()))
    }

    /// Reads what was pinned before, in the file of this directory.
    pub(crate) fn open(file: PathBuf, own: &Identity) -> Result<Self, PinError> {
        let (directory, pins) = read(&file)?;
        if directory != own.directory {
            return Err(PinError::Damaged { file, what: "they belong to another data directory" });
        }
        Ok(Self(Guarded::new(Memory { file: Some((file, directory)), pins })))
    }

    /// Is this the peer that was seen before? Who is seen for the first time is remembered. Whatever changes is durable before this
    /// returns: a crash must not make a node trust what it has refused.
    pub(crate) fn check(&self, node: NodeId, found: Pin) -> Result<(), PinError> {
        self.0.with(|memory| memory.check(node, found))
    }
}

impl Memory {
    fn check(&mut self, node: NodeId, found: Pin) -> Result<(), PinError> {
        let number = node.get();
        if let Some(&Pin { directory, starts, run }) = self.pins.get(&node) {
            if directory != found.directory {
                let (pinned, found) = (directory, found.directory);
                return Err(PinError::ChangedDirectory { node: number, pinned, found });
            }
            if starts > found.starts {
                let (pinned, found) = (starts, found.starts);
                return Err(PinError::RegressedStarts { node: number, pinned, found });
            }
            if starts == found.starts && run != found.run {
                return Err(PinError::OtherRun { node: number, starts });
            }
            if starts == found.starts {
                return Ok(());
            }
        }
        let mut pins = self.pins.clone();
        pins.insert(node, found);
        if let Some((file, directory)) = &self.file {
            replace(file, &encode(*directory, &pins))?;
        }
        self.pins = pins;
        Ok(())
    }
}

/// The pins in the file of a data directory.
fn encode(directory: u128, pins: &BTreeMap<NodeId, Pin>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&directory.to_le_bytes());
    for (node, Pin { directory, starts, run }) in pins {
        bytes.push(node.get());
        bytes.extend_from_slice(&directory.to_le_bytes());
        bytes.extend_from_slice(&starts.to_le_bytes());
        bytes.extend_from_slice(&run.to_le_bytes());
    }
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

fn read(file: &Path) -> Result<(u128, BTreeMap<NodeId, Pin>), PinError> {
    match std::fs::read(file) {
        Ok(bytes) => decode(&bytes, file),
        // It is as old as the directory.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(PinError::Damaged { file: file.to_path_buf(), what: "the file is missing" })
        }
        Err(source) => Err(PinError::Failed { operation: "read", file: file.to_path_buf(), source }),
    }
}

fn decode(bytes: &[u8], file: &Path) -> Result<(u128, BTreeMap<NodeId, Pin>), PinError> {
    let damaged = |what| PinError::Damaged { file: file.to_path_buf(), what };
    let (content, checksum) = bytes.split_last_chunk().ok_or_else(|| damaged("it ends too early"))?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
        return Err(damaged("its checksum is wrong"));
    }
    let content = content.strip_prefix(MAGIC).ok_or_else(|| damaged("it is no file of pins"))?;
    let (version, rest) = content.split_first_chunk().ok_or_else(|| damaged("it ends too early"))?;
    let version = u16::from_le_bytes(*version);
    if version != VERSION {
        return Err(PinError::UnknownVersion { file: file.to_path_buf(), version });
    }
    let (own, mut rest) = rest.split_first_chunk().ok_or_else(|| damaged("it ends too early"))?;
    let mut pins = BTreeMap::new();
    while !rest.is_empty() {
        let (node, pin, left) = decode_pin(rest).ok_or_else(|| damaged("a pin is none"))?;
        if pins.insert(node, pin).is_some() {
            return Err(damaged("a node is pinned twice"));
        }
        rest = left;
    }
    Ok((u128::from_le_bytes(*own), pins))
}

fn decode_pin(bytes: &[u8]) -> Option<(NodeId, Pin, &[u8])> {
    let (&node, bytes) = bytes.split_first()?;
    let (directory, bytes) = bytes.split_first_chunk()?;
    let (starts, bytes) = bytes.split_first_chunk()?;
    let (run, bytes) = bytes.split_first_chunk()?;
    let (starts, run) = (u32::from_le_bytes(*starts), u32::from_le_bytes(*run));
    let pin = Pin { directory: u128::from_le_bytes(*directory), starts, run };
    Some((NodeId::new(node)?, pin, bytes))
}

/// Puts a new file in the place of the old one, whole or not at all.
fn replace(file: &Path, bytes: &[u8]) -> Result<(), PinError> {
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let failing = |operation, file: &Path| {
        let file = file.to_path_buf();
        move |source| PinError::Failed { operation, file, source }
    };
    let mut written = File::create(&new).map_err(failing("create", &new))?;
    written.write_all(bytes).map_err(failing("write", &new))?;
    written.sync_all().map_err(failing("sync", &new))?;
    std::fs::rename(&new, file).map_err(failing("rename", &new))?;
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failing("sync the directory of", file))
}

#[cfg(all(test, not(seaworthy_loom)))]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn node(number: u8) -> NodeId {
        NodeId::new(number).unwrap()
    }

    fn own() -> Identity {
        Identity { cluster: 7, node: node(1), directory: 101, starts: 3 }
    }

    fn pin(directory: u128, starts: u32) -> Pin {
        Pin { directory, starts, run: starts + 10 }
    }

    /// The file of a new data directory.
    fn made() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pins");
        Pins::init(&file, &own()).unwrap();
        (directory, file)
    }

    #[test]
    fn pins_survive_the_process_and_so_do_raises() {
        let (_directory, file) = made();
        let open = || Pins::open(file.clone(), &own()).unwrap();
        let pins = open();
        pins.check(node(2), pin(5, 1)).unwrap();
        pins.check(node(3), pin(6, 1)).unwrap();
        pins.check(node(2), pin(5, 4)).unwrap();
        let pins = open();
        pins.check(node(2), pin(5, 4)).unwrap();
        pins.check(node(3), pin(6, 2)).unwrap();
        let old = pins.check(node(2), pin(5, 3));
        assert!(matches!(old, Err(PinError::RegressedStarts { pinned: 4, found: 3, .. })));
        let copied = pins.check(node(2), Pin { run: 99, ..pin(5, 4) });
        assert!(matches!(copied, Err(PinError::OtherRun { node: 2, starts: 4 })));
        let wiped = pins.check(node(2), pin(6, 9));
        assert!(matches!(wiped, Err(PinError::ChangedDirectory { pinned: 5, .. })));
        open().check(node(2), pin(5, 4)).unwrap();
    }

    fn assert_damaged(file: &Path) {
        let error = Pins::open(file.to_path_buf(), &own()).err().expect("it is damaged");
        assert!(matches!(error, PinError::Damaged { .. }));
        assert!(error.to_string().contains(&file.display().to_string()));
    }

    #[test]
    fn damaged_pins_are_refused_by_name() {
        let (_directory, file) = made();
        Pins::open(file.clone(), &own()).unwrap().check(node(2), pin(5, 1)).unwrap();
        let whole = std::fs::read(&file).unwrap();
        let mut damaged: Vec<_> = (0..whole.len()).map(|length| whole[..length].to_vec()).collect();
        damaged.extend((0..whole.len()).map(|at| {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            flipped
        }));
        for bytes in damaged {
            std::fs::write(&file, bytes).unwrap();
            assert_damaged(&file);
        }
    }

    /// Or whoever comes would be taken for who was known.
    #[test]
    fn missing_pins_and_those_of_another_directory_are_refused_by_name() {
        let (_directory, file) = made();
        let others =
            [Identity { node: node(2), directory: 102, ..own() }, Identity { directory: 102, ..own() }];
        for other in others {
            Pins::init(&file, &other).unwrap();
            let pins = Pins::open(file.clone(), &other).unwrap();
            pins.check(node(3), pin(5, 1)).unwrap();
            // It knows this node, too.
            pins.check(node(1), pin(own().directory, 3)).unwrap();
            assert_damaged(&file);
        }
        std::fs::remove_file(&file).unwrap();
        assert_damaged(&file);
    }

    #[test]
    fn who_cannot_remember_a_pin_does_not_trust_it() {
        let (directory, file) = made();
        let pins = Pins::open(file, &own()).unwrap();
        drop(directory);
        for _ in 0..2 {
            let checked = pins.check(node(2), pin(5, 1));
            assert!(matches!(checked, Err(PinError::Failed { operation: "create", .. })));
        }
    }
}
