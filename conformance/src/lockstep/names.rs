//! What one side calls a thing, and what the other does.
//!
//! The model numbers snapshots and reads. A shipped node knows a snapshot by the digest of its bytes, and a read by how often the
//! node has started and asked. And where the model's entries weigh one byte each, these weigh what they take on the wire.

use crate::Envelope;
use seaworthy_protocol::{Chunk, Config, Durable, Message, Node, NodeId, NodeSet, ReadId, Snapshot, Window};
use serde::Serialize;
use serde_json::Value;
use std::num::NonZeroUsize;

/// What a command of one byte takes on the wire; an entry without a command takes one less.
const ENTRY_BYTES: usize = 14;

/// A snapshot that was made.
#[derive(Clone, Debug)]
struct Made {
    modelled: Snapshot,
    shipped: Snapshot,
    bytes: Vec<u8>,
}

/// A read. What a shipped node calls it, another may call another one.
#[derive(Clone, Copy, Debug)]
struct AskedFor {
    node: NodeId,
    modelled: ReadId,
    shipped: ReadId,
}

/// What was made and asked for so far, and its names.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    snapshots: Vec<Made>,
    reads: Vec<AskedFor>,
    /// Leaders keep account of what they send, in bytes.
    has_window: bool,
}

impl Names {
    /// Nothing has been made or asked for.
    pub(super) const fn new(config: &Config) -> Self {
        Self { snapshots: Vec::new(), reads: Vec::new(), has_window: config.window().is_some() }
    }

    pub(super) fn add_snapshot(&mut self, modelled: Snapshot, (shipped, bytes): (Snapshot, Vec<u8>)) {
        self.snapshots.push(Made { modelled, shipped, bytes });
    }

    pub(super) fn add_read(&mut self, node: NodeId, modelled: ReadId, shipped: ReadId) {
        // A question that changed nothing has left the model's number to the next.
        self.reads.retain(|asked| asked.modelled != modelled);
        self.reads.push(AskedFor { node, modelled, shipped });
    }

    /// A message of the model's as a shipped node would send it, with the bytes of its chunk.
    pub(super) fn shipped(&self, packet: &Envelope) -> (Envelope, Vec<u8>) {
        let snapshot = |snapshot| self.by_model(snapshot).map_or(snapshot, |made| made.shipped);
        let read = |_, read| {
            self.reads.iter().find(|asked| asked.modelled == read).map_or(read, |asked| asked.shipped)
        };
        let envelope = renamed(packet, snapshot, read);
        let of_chunk = |chunk: Chunk| Some(cut(self.by_model(chunk.snapshot)?, chunk));
        (envelope, chunk(packet).and_then(of_chunk).unwrap_or_default())
    }

    /// A message of a shipped node's as the model would send it; nothing if the bytes behind it are not those of its chunk.
    pub(super) fn modelled(&self, envelope: &Envelope, bytes: &[u8]) -> Option<Envelope> {
        let expected = match chunk(envelope) {
            Some(chunk) => cut(self.snapshots.iter().find(|made| made.shipped == chunk.snapshot)?, chunk),
            None => Vec::new(),
        };
        let packet = renamed(
            envelope,
            |snapshot| self.modelled_snapshot(snapshot),
            |node, read| self.modelled_read(node, read),
        );
        (bytes == expected).then_some(packet)
    }

    /// Is a shipped node in the same state as the model's?
    pub(super) fn is_same_node(&self, shipped: &Node<u8>, modelled: &Node<u8>) -> bool {
        // Nearly always nothing is called otherwise. To write down both costs a hundred times as much.
        shipped == modelled || (self.has_any() && self.is_same(shipped, modelled))
    }

    /// Is the same on both disks?
    pub(super) fn is_same_disk(&self, shipped: &Durable<u8>, modelled: &Durable<u8>) -> bool {
        shipped == modelled || (self.has_any() && self.is_same(shipped, modelled))
    }

    pub(super) fn modelled_whole(&self, shipped: Option<Snapshot>) -> Option<Snapshot> {
        shipped.map(|snapshot| self.modelled_snapshot(snapshot))
    }

    fn has_any(&self) -> bool {
        self.has_window || !self.snapshots.is_empty() || !self.reads.is_empty()
    }

    fn is_same<T: Serialize>(&self, shipped: &T, modelled: &T) -> bool {
        let written = |value: &T| serde_json::to_value(value).ok();
        match (written(shipped), written(modelled)) {
            (Some(mut shipped), Some(modelled)) => {
                self.rename(&mut shipped);
                shipped == modelled
            }
            (None, _) | (_, None) => false,
        }
    }

    /// Renames whatever the model calls otherwise, wherever it stands.
    fn rename(&self, value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.rename(value)),
            Value::Object(fields) => {
                for (name, value) in fields.iter_mut() {
                    match name.as_str() {
                        "snapshot" => self.rename_snapshot(value),
                        "confirming" | "latest" => self.rename_reads(value),
                        "bytes_in_flight" => rename_bytes(value),
                        _ => self.rename(value),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn rename_snapshot(&self, value: &mut Value) {
        let Ok(snapshot) = serde_json::from_value::<Option<Snapshot>>(value.clone()) else { return };
        let renamed = snapshot.map(|snapshot| self.modelled_snapshot(snapshot));
        *value = serde_json::to_value(renamed).unwrap_or_default();
    }

    /// A map of nodes to reads: the nodes as bits, and the reads.
    fn rename_reads(&self, value: &mut Value) {
        let nodes =
            value.get("nodes").cloned().and_then(|nodes| serde_json::from_value::<NodeSet>(nodes).ok());
        let (Some(nodes), Some(Value::Array(reads))) = (nodes, value.get_mut("values")) else { return };
        for (node, read) in nodes.iter().zip(reads) {
            if let Some(id) = read.as_u64() {
                *read = self.modelled_read(node, ReadId(id)).0.into();
            }
        }
    }

    fn by_model(&self, snapshot: Snapshot) -> Option<&Made> {
        self.snapshots.iter().find(|made| made.modelled == snapshot)
    }

    fn modelled_snapshot(&self, snapshot: Snapshot) -> Snapshot {
        let made = self.snapshots.iter().find(|made| made.shipped == snapshot);
        made.map_or(snapshot, |made| made.modelled)
    }

    fn modelled_read(&self, node: NodeId, read: ReadId) -> ReadId {
        let asked = self.reads.iter().find(|asked| asked.node == node && asked.shipped == read);
        asked.map_or(read, |asked| asked.modelled)
    }
}

fn rename_bytes(value: &mut Value) {
    if let Some(bytes) = value.as_u64() {
        *value = bytes.div_ceil(ENTRY_BYTES as u64).into();
    }
}

/// The chunk that a message carries.
const fn chunk(envelope: &Envelope) -> Option<Chunk> {
    if let Message::InstallSnapshot(chunk) = envelope.message { Some(chunk) } else { None }
}

/// The piece of a snapshot that a chunk names.
fn cut(made: &Made, chunk: Chunk) -> Vec<u8> {
    let number = |number| usize::try_from(number).unwrap_or(usize::MAX);
    let (begin, length) = (number(chunk.offset), number(chunk.length));
    made.bytes.get(begin..begin.saturating_add(length)).unwrap_or_default().to_vec()
}

fn renamed(
    envelope: &Envelope,
    snapshot: impl Fn(Snapshot) -> Snapshot,
    read: impl Fn(NodeId, ReadId) -> ReadId,
) -> Envelope {
    let message = match envelope.message.clone() {
        Message::InstallSnapshot(chunk) => {
            Message::InstallSnapshot(Chunk { snapshot: snapshot(chunk.snapshot), ..chunk })
        }
        Message::InstallSnapshotReply { snapshot: named, offset, received } => {
            Message::InstallSnapshotReply { snapshot: snapshot(named), offset, received }
        }
        Message::ReadIndex { read: named } => Message::ReadIndex { read: read(envelope.from, named) },
        Message::ReadIndexReply { read: named, index } => {
            Message::ReadIndexReply { read: read(envelope.to, named), index }
        }
        other @ (Message::RequestVote { .. }
        | Message::RequestVoteReply { .. }
        | Message::PreVote { .. }
        | Message::PreVoteGranted
        | Message::AppendEntries { .. }
        | Message::AppendEntriesReply(_)
        | Message::ReadRound { .. }
        | Message::ReadRoundReply { .. }
        | Message::TimeoutNow
        | Message::HigherTerm) => other,
    };
    Envelope { message, ..*envelope }
}

/// The same configuration, where entries weigh more: as many of them fit into the window. Right for windows of less than 13 bytes, in
/// which so many of the lighter entries take no more room than one less of the heavier.
///
/// # Panics
///
/// If a window is wider.
pub(super) fn shipped(config: Config) -> Config {
    let Some(window) = config.window() else { return config };
    assert!(
        window.bytes.get() < ENTRY_BYTES - 1,
        "so many entries cannot be told from one less by their weight"
    );
    let bytes = window.bytes.saturating_mul(NonZeroUsize::MIN.saturating_add(ENTRY_BYTES - 1));
    config.with_window(Some(Window { bytes, ..window }))
}
