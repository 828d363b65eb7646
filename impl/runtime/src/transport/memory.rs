//! A network that is none: nodes of one process.

use crate::codec::frame_len;
use crate::outbox::SPACE_MAX;
use crate::sync::Guarded;
use seaworthy_protocol::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Memory of so many frames is kept.
const KEPT: usize = 64;
/// A smaller one costs little, and is none for a larger frame.
const SMALL: usize = 4096;

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
pub struct Network(Guarded<Links>, Buffers);

#[derive(Default)]
struct Links {
    nodes: BTreeMap<NodeId, Deliver>,
    /// From whom to whom nothing comes.
    cut: BTreeSet<(NodeId, NodeId)>,
}

/// Memory of frames that were read, to be filled with others: new memory for each would cost the system more than the copy.
#[derive(Clone)]
pub(crate) struct Buffers(Guarded<Vec<Vec<u8>>>);

impl Buffers {
    /// A copy of a frame.
    pub(crate) fn copy(&self, frame: &[u8]) -> Vec<u8> {
        let kept = if frame.len() < SMALL { None } else { self.0.with(Vec::pop) };
        let mut bytes = kept.unwrap_or_default();
        bytes.extend_from_slice(frame);
        bytes
    }

    /// It has been read.
    pub(crate) fn give_back(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        if (SMALL..=SPACE_MAX).contains(&bytes.capacity()) {
            // What is too much is freed when the lock is free.
            let _rest = self.0.with(|kept| {
                if kept.len() < KEPT {
                    kept.push(bytes);
                    None
                } else {
                    Some(bytes)
                }
            });
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self(Guarded::new(Links::default()), Buffers(Guarded::new(Vec::new())))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Network {
    /// Cuts the link between two nodes, both ways.
    ///
    /// ```
    /// # use seaworthy::{Network, NodeId};
    /// # let (network, one, two) = (Network::default(), NodeId::new(1).unwrap(), NodeId::new(2).unwrap());
    /// network.cut(one, two);
    /// ```
    pub fn cut(&self, one: NodeId, other: NodeId) {
        self.cut_one_way(one, other);
        self.cut_one_way(other, one);
    }

    /// Nothing comes from one node to another any more.
    ///
    /// ```
    /// # use seaworthy::{Network, NodeId};
    /// # let (network, one, two) = (Network::default(), NodeId::new(1).unwrap(), NodeId::new(2).unwrap());
    /// network.cut_one_way(one, two); // 2 hears nothing of 1, and 1 hears 2
    /// ```
    pub fn cut_one_way(&self, from: NodeId, to: NodeId) {
        self.0.with(|links| links.cut.insert((from, to)));
    }

    /// Cuts all links of a node.
    ///
    /// ```
    /// # use seaworthy::{Network, NodeId};
    /// # let (network, one, two) = (Network::default(), NodeId::new(1).unwrap(), NodeId::new(2).unwrap());
    /// network.isolate(one);
    /// ```
    pub fn isolate(&self, id: NodeId) {
        let others: Vec<NodeId> = self.0.with(|links| links.nodes.keys().copied().collect());
        others.into_iter().filter(|other| *other != id).for_each(|other| self.cut(id, other));
    }

    /// All links work again.
    ///
    /// ```
    /// # use seaworthy::{Network, NodeId};
    /// # let (network, one, two) = (Network::default(), NodeId::new(1).unwrap(), NodeId::new(2).unwrap());
    /// network.isolate(one);
    /// network.heal();
    /// ```
    pub fn heal(&self) {
        self.0.with(|links| links.cut.clear());
    }

    /// Brings a node a frame as if another had sent it: for tests that decide what arrives when. A frame that cannot be read is lost.
    ///
    /// ```
    /// # use seaworthy::{Network, NodeId};
    /// # let (network, one, two) = (Network::default(), NodeId::new(1).unwrap(), NodeId::new(2).unwrap());
    /// use seaworthy::codec::encode_frame;
    /// use seaworthy_protocol::{Entry, Envelope, Message, Term};
    ///
    /// let envelope = Envelope { from: one, to: two, term: Term(1), message: Message::<&[Entry<u8>]>::HigherTerm };
    /// let mut frame = Vec::new();
    /// encode_frame(&envelope, &[], &mut frame);
    /// network.deliver(one, two, &frame);
    /// ```
    pub fn deliver(&self, from: NodeId, to: NodeId, frame: &[u8]) {
        let deliver = self.0.with(|links| {
            let is_cut = links.cut.contains(&(from, to));
            links.nodes.get(&to).filter(|_| !is_cut).map(Arc::clone)
        });
        if let Some(deliver) = deliver {
            deliver(frame);
        }
    }

    /// Where frames that travel are held.
    pub(crate) const fn buffers(&self) -> &Buffers {
        &self.1
    }

    pub(crate) fn join(&self, id: NodeId, deliver: Deliver) {
        self.0.with(|links| links.nodes.insert(id, deliver));
    }

    pub(crate) fn leave(&self, id: NodeId) {
        drop(self.0.with(|links| links.nodes.remove(&id)));
    }

    pub(crate) fn send(&self, from: NodeId, to: NodeId, frame: &[u8]) {
        debug_assert_eq!(frame_len(frame, usize::MAX), Ok(Some(frame.len())), "a frame is sent whole");
        self.deliver(from, to, frame);
    }
}
