//! Which data directory each peer had when it was last seen. A voter whose disk was wiped has forgotten its votes: under its old name
//! it could vote twice in a term, so it is not listened to.

use crate::sync::Guarded;
use seaworthy_protocol::NodeId;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

const MAGIC: &[u8; 8] = b"seaworpn";
/// Of the file, not of the wire.
const VERSION: u16 = 1;

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
    RegressedStarts { node: u8, pinned: u64, found: u64 },
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
    /// Nowhere, where nothing needs to outlive the process.
    file: Option<PathBuf>,
    pins: BTreeMap<NodeId, Pin>,
}

#[derive(Clone, Copy)]
struct Pin {
    directory: u128,
    starts: u64,
}

impl Pins {
    /// Reads what was pinned before; nothing, if there is no such file yet. Without a file they are forgotten with the process.
    pub(crate) fn open(file: Option<PathBuf>) -> Result<Self, PinError> {
        let pins = file.as_deref().map(read).transpose()?.unwrap_or_default();
        Ok(Self(Guarded::new(Memory { file, pins })))
    }

    /// Is this the peer that was seen before? Who is seen for the first time is remembered. Whatever changes is durable before this
    /// returns: a crash must not make a node trust what it has refused.
    pub(crate) fn check(&self, node: NodeId, directory: u128, starts: u64) -> Result<(), PinError> {
        self.0.with(|memory| memory.check(node, Pin { directory, starts }))
    }
}

impl Memory {
    fn check(&mut self, node: NodeId, found: Pin) -> Result<(), PinError> {
        let number = node.get();
        if let Some(&Pin { directory, starts }) = self.pins.get(&node) {
            if directory != found.directory {
                let (pinned, found) = (directory, found.directory);
                return Err(PinError::ChangedDirectory { node: number, pinned, found });
            }
            if starts > found.starts {
                let (pinned, found) = (starts, found.starts);
                return Err(PinError::RegressedStarts { node: number, pinned, found });
            }
            if starts == found.starts {
                return Ok(());
            }
        }
        let mut pins = self.pins.clone();
        pins.insert(node, found);
        if let Some(file) = &self.file {
            replace(file, &encode(&pins))?;
        }
        self.pins = pins;
        Ok(())
    }
}

fn encode(pins: &BTreeMap<NodeId, Pin>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    for (node, Pin { directory, starts }) in pins {
        bytes.push(node.get());
        bytes.extend_from_slice(&directory.to_le_bytes());
        bytes.extend_from_slice(&starts.to_le_bytes());
    }
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

fn read(file: &Path) -> Result<BTreeMap<NodeId, Pin>, PinError> {
    match std::fs::read(file) {
        Ok(bytes) => decode(&bytes, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(source) => Err(PinError::Failed { operation: "read", file: file.to_path_buf(), source }),
    }
}

fn decode(bytes: &[u8], file: &Path) -> Result<BTreeMap<NodeId, Pin>, PinError> {
    let damaged = |what| PinError::Damaged { file: file.to_path_buf(), what };
    let (content, checksum) = bytes.split_last_chunk().ok_or_else(|| damaged("it ends too early"))?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
        return Err(damaged("its checksum is wrong"));
    }
    let content = content.strip_prefix(MAGIC).ok_or_else(|| damaged("it is no file of pins"))?;
    let (version, mut rest) = content.split_first_chunk().ok_or_else(|| damaged("it ends too early"))?;
    let version = u16::from_le_bytes(*version);
    if version != VERSION {
        return Err(PinError::UnknownVersion { file: file.to_path_buf(), version });
    }
    let mut pins = BTreeMap::new();
    while !rest.is_empty() {
        let (node, pin, left) = decode_pin(rest).ok_or_else(|| damaged("a pin is none"))?;
        if pins.insert(node, pin).is_some() {
            return Err(damaged("a node is pinned twice"));
        }
        rest = left;
    }
    Ok(pins)
}

fn decode_pin(bytes: &[u8]) -> Option<(NodeId, Pin, &[u8])> {
    let (&node, bytes) = bytes.split_first()?;
    let (directory, bytes) = bytes.split_first_chunk()?;
    let (starts, bytes) = bytes.split_first_chunk()?;
    let pin = Pin { directory: u128::from_le_bytes(*directory), starts: u64::from_le_bytes(*starts) };
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
