//! A leader's snapshot, chunk by chunk, as no leader would send it; and its bytes, as no state machine wrote them.

use crate::sim::{Kv, SimFiles};
use arbitrary::{Result, Unstructured};
use seaworthy::Applier;
use seaworthy::wal::{Identity, Layout, Wal, digest};
use seaworthy_protocol::{Chunk, Index, LogId, NodeId, Snapshot, Term};

const LAYOUT: Layout = Layout { segment_size: 512, piece_size: 64 };

/// Stages chunks in any order, and has the whole kept and restored.
///
/// # Panics
///
/// If something else is kept than what was announced, or what was announced is not.
pub fn snapshot(bytes: &[u8]) {
    // It ends when the bytes do.
    let _ = stage(&mut Unstructured::new(bytes));
}

fn stage(input: &mut Unstructured<'_>) -> Result<()> {
    let node = NodeId::new(1).unwrap_or_else(|| unreachable!("1 is a number of a node"));
    let identity = Identity { cluster: 1, node, directory: 7, starts: 0 };
    let files = Wal::init(SimFiles::default(), identity, LAYOUT);
    let files = files.unwrap_or_else(|error| unreachable!("{error}: nothing is wrong with the disk"));
    let opened = Wal::<SimFiles>::open::<u64>(files, LAYOUT);
    let (mut wal, _) = opened.unwrap_or_else(|error| unreachable!("{error}: nothing is wrong with the disk"));
    let content: Vec<u8> = input.arbitrary()?;
    let last = LogId { term: Term(1), index: Index(1) };
    let lie = u64::from(input.ratio(1, 8)?);
    let length = content.len() as u64;
    let snapshot = Snapshot { last, length, digest: digest(&content).wrapping_add(lie) };
    // What the file must be, by the description of `Wal::stage`; nothing before a chunk at 0 has come.
    let mut staged: Option<Vec<u8>> = None;
    while !input.is_empty() {
        let start = if input.ratio(1, 4)? { 0 } else { input.int_in_range(0..=content.len())? };
        let end = input.int_in_range(start..=content.len())?;
        let chunk = Chunk { snapshot, offset: start as u64, length: (end - start) as u64 };
        let outcome = wal.stage(&chunk, &content[start..end]);
        assert!(outcome.is_ok(), "{outcome:?}: nothing is wrong with the disk");
        if start == 0 {
            staged = Some(Vec::new());
        }
        if let Some(file) = staged.as_mut().filter(|_| start < end) {
            file.resize(file.len().max(end), 0);
            file[start..end].copy_from_slice(&content[start..end]);
        }
    }
    let is_whole = lie == 0 && staged.as_ref() == Some(&content);
    let kept = wal.keep_staged(snapshot);
    assert!(matches!(kept, Ok(kept) if kept == is_whole), "{kept:?}, and it should be {is_whole}");
    if is_whole {
        let read = wal.read_snapshot(snapshot, 0, content.len());
        assert!(matches!(&read, Ok(Some(read)) if *read == content), "{read:?}");
    }
    // Whatever the machine says to it.
    let _ = Applier::new(Kv::default()).restore(snapshot, Some(&content));
    Ok(())
}
