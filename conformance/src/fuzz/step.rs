//! A node that is told anything, by anyone.

use arbitrary::{Result, Unstructured};
use seaworthy_protocol::{
    AppendOutcome, Chunk, Config, Durable, Effects, Entry, Envelope, Index, Input, LogId, Message, Node,
    NodeId, NodeSet, Payload, ReadId, Recording, Snapshot, Term, Window, WriteAck,
};
use std::num::{NonZeroU64, NonZeroUsize};

/// Feeds a node, and a disk that replays its writes.
///
/// # Panics
///
/// If an invariant breaks, or the disk does not hold what the node does.
pub fn step(bytes: &[u8]) {
    // It ends when the bytes do.
    let _ = run(&mut Unstructured::new(bytes));
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let config = config(input)?;
    let mut node = Node::restart(first(), Durable::default());
    let mut disk = Durable::default();
    while !input.is_empty() {
        if input.ratio(1, 32)? {
            node = Node::restart(first(), disk.clone());
        }
        let mut fx = Effects::new(Recording::default());
        let told = any_input(input)?;
        node.step(&config, told.clone(), &mut fx);
        // The driver's word, or not yet.
        let ack = fx.ack.filter(|_| input.ratio(3, 4).unwrap_or(false));
        if let Some(ack) = ack {
            node.step::<Vec<_>>(&config, Input::WritesDurable(ack), &mut fx);
        }
        assert_eq!(fx.violation, None, "{told} at {node}");
        assert!(fx.sink.writes.into_iter().all(|write| disk.redo(write)), "{told}: a gap");
        assert_eq!(&disk, node.durable(), "{told}: the disk holds something else");
    }
    Ok(())
}

fn first() -> NodeId {
    NodeId::new(1).unwrap_or_else(|| unreachable!("1 is a number of a node"))
}

fn config(input: &mut Unstructured<'_>) -> Result<Config> {
    let voters = NodeSet::first(input.int_in_range(1..=4)?);
    let config = Config::new(voters).unwrap_or_else(|error| unreachable!("{error}"));
    let (most, bytes) = (input.int_in_range(1..=3_usize)?, input.int_in_range(1..=3_usize)?);
    let [entries, bytes] = [most, bytes].map(|some| NonZeroUsize::new(some).unwrap_or(NonZeroUsize::MIN));
    let window = input.arbitrary::<bool>()?.then_some(Window { entries, bytes });
    Ok(config
        .with_pre_vote(input.arbitrary()?)
        .with_check_quorum(input.arbitrary()?)
        .with_window(window)
        .with_max_entries_per_append(entries)
        .with_max_bytes_per_chunk(NonZeroU64::MIN))
}

/// Small numbers meet each other; the largest ones overflow what was not thought of.
fn number(input: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match input.int_in_range(0..=15_u8)? {
        15 => u64::MAX,
        14 => u64::MAX - 1,
        small => u64::from(small % 6),
    })
}

fn log_id(input: &mut Unstructured<'_>) -> Result<LogId> {
    Ok(LogId { term: Term(number(input)?), index: Index(number(input)?) })
}

fn node_id(input: &mut Unstructured<'_>) -> Result<NodeId> {
    Ok(NodeId::new(input.int_in_range(1..=5)?).unwrap_or_else(first))
}

fn snapshot(input: &mut Unstructured<'_>) -> Result<Snapshot> {
    Ok(Snapshot { last: log_id(input)?, length: number(input)?, digest: input.int_in_range(0..=1)? })
}

fn entries(input: &mut Unstructured<'_>) -> Result<Vec<Entry<u8>>> {
    let mut entries = Vec::new();
    for _ in 0..input.int_in_range(0..=3_u8)? {
        let payload = if input.arbitrary()? { Payload::Command(input.arbitrary()?) } else { Payload::Noop };
        entries.push(Entry { term: Term(number(input)?), payload });
    }
    Ok(entries)
}

fn message(input: &mut Unstructured<'_>) -> Result<Message<Vec<Entry<u8>>>> {
    Ok(match input.int_in_range(0..=15_u8)? {
        0 => Message::RequestVote { last_log: log_id(input)? },
        1 => Message::RequestVoteReply { vote_granted: input.arbitrary()? },
        2 => Message::PreVote { last_log: log_id(input)? },
        3 => Message::PreVoteGranted,
        4 | 5 => Message::AppendEntries {
            prev_log: log_id(input)?,
            entries: entries(input)?,
            leader_commit: Index(number(input)?),
        },
        6 => Message::AppendEntriesReply(AppendOutcome::Matched(Index(number(input)?))),
        7 => Message::AppendEntriesReply(AppendOutcome::Conflict {
            prev_log_index: Index(number(input)?),
            hint: log_id(input)?,
        }),
        8 => Message::InstallSnapshot(Chunk {
            snapshot: snapshot(input)?,
            offset: number(input)?,
            length: number(input)?,
        }),
        9 => Message::InstallSnapshotReply {
            snapshot: snapshot(input)?,
            offset: number(input)?,
            received: number(input)?,
        },
        10 => Message::ReadIndex { read: ReadId(number(input)?) },
        11 => Message::ReadIndexReply { read: ReadId(number(input)?), index: Index(number(input)?) },
        12 => Message::ReadRound { round: number(input)? },
        13 => Message::ReadRoundReply { round: number(input)? },
        14 => Message::TimeoutNow,
        _ => Message::HigherTerm,
    })
}

fn any_input(input: &mut Unstructured<'_>) -> Result<Input<u8>> {
    Ok(match input.int_in_range(0..=19_u8)? {
        0 | 1 => Input::ElectionTimeout,
        2 => Input::HeartbeatTimeout,
        3 => Input::Propose(input.arbitrary()?),
        4 => Input::Replicate,
        5 => Input::WritesDurable(WriteAck { term: Term(number(input)?), last: log_id(input)? }),
        6 => Input::CannotWrite { heir: if input.arbitrary()? { Some(node_id(input)?) } else { None } },
        7 => Input::Read(ReadId(number(input)?)),
        8 => Input::Transfer { to: node_id(input)? },
        9 => Input::Compact { snapshot: snapshot(input)?, through: Index(number(input)?) },
        10 => Input::SnapshotStaged { snapshot: snapshot(input)?, is_intact: input.arbitrary()? },
        _ => Input::Receive(Envelope {
            from: node_id(input)?,
            to: if input.ratio(1, 16)? { node_id(input)? } else { first() },
            term: Term(number(input)?),
            message: message(input)?,
        }),
    })
}
