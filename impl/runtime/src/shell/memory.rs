//! A disk that is none: all is durable at once, and gone with the process. And a network that is none: nodes of one process.

use crate::codec::frame_len;
use crate::sync::Guarded;
use crate::wal::digest;
use crate::world::{Done, Work};
use seaworthy_protocol::{Chunk, NodeId, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Holds the snapshots of a node without a disk.
#[derive(Debug, Default)]
pub(crate) struct MemoryDisk {
    staged: Vec<u8>,
    /// The last two: the log may still name the one while the other is new.
    kept: Vec<(Snapshot, Vec<u8>)>,
}

impl MemoryDisk {
    /// Does it at once, and says what there is to say.
    pub(crate) fn work(&mut self, work: Work) -> Option<Done> {
        match work {
            Work::Append { number, .. } => Some(Done::Appended { number }),
            Work::Stage { chunk, bytes } => {
                self.staged.truncate(usize::try_from(chunk.offset).unwrap_or(usize::MAX));
                self.staged.extend(bytes);
                None
            }
            Work::KeepStaged(snapshot) => {
                let bytes = std::mem::take(&mut self.staged);
                let is_intact = bytes.len() as u64 == snapshot.length && digest(&bytes) == snapshot.digest;
                if is_intact {
                    self.keep(snapshot, bytes);
                }
                Some(Done::KeptStaged { snapshot, is_intact })
            }
            Work::Save { snapshot, bytes } => {
                self.keep(snapshot, bytes);
                Some(Done::Saved(snapshot))
            }
            Work::Retry => None,
        }
    }

    fn keep(&mut self, snapshot: Snapshot, bytes: Vec<u8>) {
        self.kept.push((snapshot, bytes));
        self.kept.sort_by_key(|(snapshot, _)| snapshot.last.index);
        if self.kept.len() > 2 {
            self.kept.remove(0);
        }
    }

    pub(crate) fn read(&self, chunk: Chunk) -> Option<Vec<u8>> {
        let (_, bytes) = self.kept.iter().find(|(snapshot, _)| *snapshot == chunk.snapshot)?;
        let start = usize::try_from(chunk.offset).ok()?;
        let end = start.checked_add(usize::try_from(chunk.length).ok()?)?;
        bytes.get(start..end).map(<[u8]>::to_vec)
    }
}

type Deliver = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// Connects the nodes of one process, for tests, benchmarks and stories. Messages are encoded and decoded as on a wire. Links can be
/// cut.
///
/// ```
/// let network = seaworthy::Network::default();
/// let (one, two) = (seaworthy::NodeId::new(1).unwrap(), seaworthy::NodeId::new(2).unwrap());
/// network.cut(one, two);
/// network.heal();
/// ```
#[derive(Clone)]
pub struct Network(Guarded<Links>);

#[derive(Default)]
struct Links {
    nodes: BTreeMap<NodeId, Deliver>,
    /// From whom to whom nothing comes.
    cut: BTreeSet<(NodeId, NodeId)>,
}

impl Default for Network {
    fn default() -> Self {
        Self(Guarded::new(Links::default()))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Network {
    /// Cuts the link between two nodes, both ways.
    pub fn cut(&self, one: NodeId, other: NodeId) {
        self.cut_one_way(one, other);
        self.cut_one_way(other, one);
    }

    /// Nothing comes from one node to another any more.
    pub fn cut_one_way(&self, from: NodeId, to: NodeId) {
        self.0.with(|links| links.cut.insert((from, to)));
    }

    /// Cuts all links of a node.
    pub fn isolate(&self, id: NodeId) {
        let others: Vec<NodeId> = self.0.with(|links| links.nodes.keys().copied().collect());
        others.into_iter().filter(|other| *other != id).for_each(|other| self.cut(id, other));
    }

    /// All links work again.
    pub fn heal(&self) {
        self.0.with(|links| links.cut.clear());
    }

    pub(crate) fn join(&self, id: NodeId, deliver: Deliver) {
        self.0.with(|links| links.nodes.insert(id, deliver));
    }

    pub(crate) fn leave(&self, id: NodeId) {
        drop(self.0.with(|links| links.nodes.remove(&id)));
    }

    pub(crate) fn send(&self, from: NodeId, to: NodeId, frame: &[u8]) {
        debug_assert_eq!(frame_len(frame, usize::MAX), Ok(Some(frame.len())), "a frame is sent whole");
        let deliver = self.0.with(|links| {
            let is_cut = links.cut.contains(&(from, to));
            links.nodes.get(&to).filter(|_| !is_cut).map(Arc::clone)
        });
        if let Some(deliver) = deliver {
            deliver(frame);
        }
    }
}
