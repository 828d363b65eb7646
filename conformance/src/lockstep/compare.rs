//! What must be the same on both sides.

use super::mismatch::Mismatch;
use super::names::Names;
use crate::Envelope;
use seaworthy::codec::decode_frame;
use seaworthy::wal::OpenError;
use seaworthy_protocol::notation::show;
use seaworthy_protocol::{Durable, Node, NodeId};
use std::fmt::Debug;

pub(super) type Outcome = Result<(), Mismatch>;

/// The whole node, field by field.
pub(super) fn nodes(names: &Names, shipped: &Node<u8>, modelled: &Node<u8>) -> Outcome {
    // In the one notation, and whatever that leaves out.
    let written =
        |node: &Node<u8>| format!("{node}\n{}", serde_json::to_string_pretty(node).unwrap_or_default());
    if names.is_same_node(shipped, modelled) {
        Ok(())
    } else {
        Err(Mismatch::new("the node", written(modelled), written(shipped)))
    }
}

/// What recovery finds on a disk.
pub(super) fn disks(names: &Names, found: Result<Durable<u8>, OpenError>, modelled: &Durable<u8>) -> Outcome {
    let found = match found {
        Ok(found) if names.is_same_disk(&found, modelled) => return Ok(()),
        Ok(found) => found.to_string(),
        Err(error) => error.to_string(),
    };
    Err(Mismatch::new("what recovery finds on the disk", modelled.to_string(), found))
}

/// Whatever can be compared as it is.
pub(super) fn values<T: Debug + PartialEq>(what: &'static str, shipped: &T, modelled: &T) -> Outcome {
    if shipped == modelled {
        Ok(())
    } else {
        Err(Mismatch::new(what, format!("{modelled:?}"), format!("{shipped:?}")))
    }
}

/// What a node sends. Frames are read back; whatever the model's node has sent and this one has not stays in `owed`, and nothing may
/// leave that is not owed, each as often as it is, unless it `may_repeat`: a message may arrive twice anyway.
pub(super) fn frames(
    names: &Names,
    frames: &[(NodeId, Vec<u8>)],
    owed: &mut Vec<Envelope>,
    may_repeat: impl Fn(&Envelope) -> bool,
) -> Result<Vec<Envelope>, Mismatch> {
    const WHAT: &str = "what it sends";
    let mut sent = Vec::new();
    for (to, frame) in frames {
        let decoded = decode_frame::<u8>(frame).ok().filter(|frame| frame.envelope.to == *to);
        let envelope = decoded.and_then(|frame| names.modelled(&frame.envelope, frame.chunk));
        let nonsense =
            || Mismatch::new(WHAT, String::new(), format!("to {to} no frame of its: {frame:02x?}"));
        sent.push(envelope.ok_or_else(nonsense)?);
    }
    let mut left = owed.clone();
    for envelope in &sent {
        match left.iter().position(|other| other == envelope) {
            Some(position) => drop(left.swap_remove(position)),
            None if may_repeat(envelope) => {}
            None => return Err(Mismatch::new(WHAT, lines(owed), lines(&sent))),
        }
    }
    *owed = left;
    Ok(sent)
}

/// Nothing is owed for ever.
pub(super) fn nothing_owed(owed: &[Envelope]) -> Outcome {
    if owed.is_empty() { Ok(()) } else { Err(Mismatch::new("what it has sent", lines(owed), String::new())) }
}

fn lines(envelopes: &[Envelope]) -> String {
    let mut lines: Vec<String> =
        envelopes.iter().map(|envelope| show::<_, u8>(envelope).to_string()).collect();
    lines.sort();
    lines.join("\n")
}
