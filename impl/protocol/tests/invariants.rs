//! Every property of `invariants` holds of what is right and fails of what is wrong. The model shows the first in all states within
//! its bounds; here is the second, by hand: a property that cannot fail proves nothing.

#[path = "invariants/clients.rs"]
mod clients;
#[path = "invariants/compaction.rs"]
mod compaction;

use seaworthy_protocol::invariants::history::{self, Commitment, NodeHistory};
use seaworthy_protocol::invariants::{Violation, cluster, node, step};
use seaworthy_protocol::{
    AppendOutcome, Chunk, Config, Durable, Effects, Entry, Envelope, Index, Input, LogId, Message, Node,
    NodeId, NodeSet, Payload, ReadId, Recording, Snapshot, Term, Write,
};

type Owned = Vec<Entry<char>>;

fn n(number: u8) -> NodeId {
    NodeId::new(number).unwrap()
}

fn at(index: u64, term: u64) -> LogId {
    LogId { term: Term(term), index: Index(index) }
}

fn snapshot(last: LogId) -> Snapshot {
    Snapshot { last, length: 1, digest: 0 }
}

/// `1a 2b`: a command of term 1, then one of term 2. `-` is a no-op.
fn entries(text: &str) -> Owned {
    let entry = |word: &str| {
        let (term, command) = word.split_at(1);
        let payload = match command.chars().next().unwrap() {
            '-' => Payload::Noop,
            letter => Payload::Command(letter),
        };
        Entry { term: Term(term.parse().unwrap()), payload }
    };
    text.split_whitespace().map(entry).collect()
}

fn disk(term: u64, vote: Option<u8>, log: &str) -> Durable<char> {
    let mut durable = Durable::default();
    let voted_for = vote.map(n);
    assert!(durable.redo(Write::<Owned>::TermAndVote { current_term: Term(term), voted_for }));
    assert!(durable.redo(Write::Append { after: Index(0), entries: entries(log) }));
    durable
}

/// The same disk after some writes.
fn rewritten(mut disk: Durable<char>, writes: impl IntoIterator<Item = Write<Owned>>) -> Durable<char> {
    assert!(writes.into_iter().all(|write| disk.redo(write)));
    disk
}

/// Node 1 of three, woken with what its disk holds.
fn follower(term: u64, vote: Option<u8>, log: &str) -> Node<char> {
    Node::restart(n(1), disk(term, vote, log))
}

fn feed(mut node: Node<char>, inputs: impl IntoIterator<Item = Input<char>>) -> Node<char> {
    for input in inputs {
        let mut fx = Effects::new(Recording::default());
        let config = Config::new(NodeSet::first(3)).unwrap().with_pre_vote(false);
        node.step(&config, input, &mut fx);
        if let Some(ack) = fx.ack {
            node.step::<Owned>(&config, Input::WritesDurable(ack), &mut fx);
        }
        assert_eq!(fx.violation, None);
    }
    node
}

fn packet(from: u8, to: u8, term: u64, message: Message<Owned>) -> Envelope<Owned> {
    Envelope { from: n(from), to: n(to), term: Term(term), message }
}

/// Its leader, node 2, says that all of its log is committed.
fn committing(node: Node<char>) -> Node<char> {
    let term = node.current_term().0;
    let last = node.log().last();
    let message = Message::AppendEntries { prev_log: last, entries: vec![], leader_commit: last.index };
    feed(node, [Input::Receive(packet(2, 1, term, message))])
}

/// The leader of the next term, with its no-op appended.
fn leading(node: Node<char>) -> Node<char> {
    let term = node.current_term().0 + 1;
    let grant = packet(3, 1, term, Message::RequestVoteReply { vote_granted: true });
    let node = feed(node, [Input::ElectionTimeout, Input::Receive(grant)]);
    assert!(node.is_leader());
    node
}

fn committed(text: &str, term: u64) -> Vec<Commitment<char>> {
    entries(text).into_iter().map(|entry| Commitment { entry, term: Term(term) }).collect()
}

#[test]
fn a_step_that_takes_something_back_is_a_violation() {
    let violation = |before: &Node<char>, after: &Node<char>| step::Before::of(before).violation_by(after);
    let calm = follower(3, Some(2), "1a 2b");
    assert_eq!(violation(&calm, &calm), None);
    assert_eq!(violation(&calm, &follower(2, None, "1a 2b")), Some(Violation::TermMonotonic));
    assert_eq!(violation(&calm, &follower(3, Some(3), "1a 2b")), Some(Violation::VoteStable));
    assert_eq!(violation(&calm, &follower(3, None, "1a 2b")), Some(Violation::VoteStable));
    let leader = leading(follower(2, None, "1a 2b"));
    let shorter = leading(follower(2, None, "1a"));
    assert_eq!(violation(&leader, &shorter), Some(Violation::LeaderAppendOnly));
    let knows = committing(follower(3, None, "1a 2b"));
    assert_eq!(violation(&knows, &follower(3, None, "1a 2b")), Some(Violation::CommitMonotonic));
    let other = committing(follower(3, None, "1a 3x"));
    assert_eq!(violation(&knows, &other), Some(Violation::CommitMonotonic));
    let counted = leading(committing(follower(2, None, "1a 2b")));
    assert_eq!(violation(&leader, &counted), Some(Violation::CommitOnlyCurrentTerm));
}

#[test]
fn whole_logs_are_compared_where_the_last_entry_does_not_tell() {
    let (leader, forged) = (leading(follower(2, None, "1a 2b")), leading(follower(2, None, "1x 2b")));
    assert!(step::leader_append_only(&leader, &leader));
    assert!(!step::leader_append_only(&leader, &forged));
    assert!(step::leader_append_only(&leader, &leading(follower(3, None, ""))), "another term, another log");
    let (knows, forged) = (committing(follower(2, None, "1a 2b")), committing(follower(2, None, "1x 2b")));
    assert!(step::commit_monotonic(&knows, &knows));
    assert!(!step::commit_monotonic(&knows, &forged));
    assert!(!step::commit_monotonic(&knows, &follower(2, None, "1a 2b")));
}

#[test]
fn log_shape_wants_terms_above_0_that_never_decrease_or_exceed_the_current_one() {
    assert!(node::log_shape(&disk(2, None, "1a 1b 2c")));
    assert!(node::log_shape(&disk(0, None, "")));
    for (term, log) in [(2, "0a"), (2, "2a 1b"), (1, "1a 2b")] {
        assert!(!node::log_shape(&disk(term, None, log)), "{log} in term {term}");
    }
}

#[test]
fn log_matching_compares_all_before_a_common_entry() {
    let matching =
        |a: &str, b: &str| cluster::log_matching(disk(9, None, a).log(), disk(9, None, b).log(), &[]);
    assert!(matching("1a 2b", "1a 3c 3d"));
    assert!(matching("1a 2b", ""));
    assert!(!matching("1a 2b", "1a 2c"), "another value");
    assert!(!matching("1a 2b", "1x 2b"), "another value before");
    assert!(!matching("1a 2b 4c", "1a 3b 4c"), "another term before");
    let flying = |prev: LogId, text: &str| {
        cluster::append_matching(disk(9, None, "1a 2b 2c").log(), prev, &entries(text), &[])
    };
    assert!(flying(at(1, 1), "2b 2c 3d"));
    assert!(flying(at(1, 1), "3x"), "nothing in common");
    assert!(!flying(at(1, 1), "2x"));
    assert!(!flying(at(2, 1), "2c"), "the entry before differs");
}

#[test]
fn committed_entries_are_on_a_majority_of_the_disks_and_in_the_leaders_log() {
    let disks = |logs: [&str; 3]| logs.map(|log| disk(9, None, log));
    let holds = |logs: [&str; 3]| {
        let disks = disks(logs);
        let numbered = (1..).map(n).zip(&disks);
        cluster::committed_on_quorum(NodeSet::first(3), numbered, &committed("1a 2b", 2))
    };
    assert!(holds(["1a 2b", "1a 2b 3c", ""]));
    assert!(!holds(["1a 2b", "1a", "1a 3b"]));
    let complete =
        |log: &str| cluster::leader_completeness(&leading(follower(2, None, log)), &committed("1a 2b", 2));
    assert!(complete("1a 2b"));
    assert!(!complete("1a"));
    assert!(
        cluster::leader_completeness(&follower(3, None, "1a"), &committed("1a 2b", 2)),
        "it does not lead"
    );
    assert!(
        cluster::leader_completeness(&leading(follower(1, None, "1a")), &committed("1a 2b", 2)),
        "it leads the term in which they were committed"
    );
}

#[test]
fn state_machines_apply_the_same_and_the_first_to_commit_is_remembered() {
    let safe = |log: &str| {
        cluster::state_machine_safety(&committing(follower(2, None, log)), &committed("1a 2b", 2))
    };
    assert!(safe("1a") && safe("1a 2b"));
    assert!(!safe("1x"), "another entry");
    assert!(!safe("1a 2b 2c"), "an entry that nobody committed");
    let mut ghost = Vec::new();
    assert!(history::see_commit(&committing(follower(2, None, "1a 2b")), &mut ghost));
    assert_eq!(ghost, committed("1a 2b", 2));
    assert!(history::see_commit(&committing(follower(3, None, "1a 2b 3c")), &mut ghost));
    assert_eq!(ghost[2].term, Term(3));
    assert!(!history::see_commit(&committing(follower(3, None, "1a 3x")), &mut ghost));
}

#[test]
fn what_a_leader_believes_replicated_is_there() {
    let matched = packet(2, 1, 3, Message::AppendEntriesReply(AppendOutcome::Matched(Index(2))));
    let leader = feed(leading(follower(2, None, "1a 2b")), [Input::Receive(matched)]);
    assert!(cluster::match_index_valid(&leader, n(2), &disk(3, None, "1a 2b"), &[]));
    assert!(!cluster::match_index_valid(&leader, n(2), &disk(3, None, "1a"), &[]));
    assert!(!cluster::match_index_valid(&leader, n(2), &disk(3, None, "1a 2x"), &[]));
    assert!(
        cluster::match_index_valid(&leader, n(2), &disk(4, None, ""), &[]),
        "in a newer term it may be gone"
    );
    assert!(cluster::match_index_valid(&leader, n(9), &disk(3, None, ""), &[]), "no follower of its");
    assert!(
        cluster::match_index_valid(&follower(3, None, ""), n(2), &disk(3, None, ""), &[]),
        "it does not lead"
    );
}

#[test]
fn a_message_leaves_when_what_it_asserts_is_on_the_disk() {
    let append = Message::AppendEntries { prev_log: at(0, 0), entries: vec![], leader_commit: Index(0) };
    let matched = |index| Message::AppendEntriesReply(AppendOutcome::Matched(Index(index)));
    let conflict = AppendOutcome::Conflict { prev_log_index: Index(4), hint: at(0, 0) };
    let holds = |message: &Message<Owned>, term, vote, log: &str| {
        cluster::persisted_before_send(&packet(1, 2, 3, message.clone()), &disk(term, vote, log))
    };
    let request = Message::RequestVote { last_log: at(1, 1) };
    assert!(holds(&request, 3, Some(1), "1a"));
    assert!(!holds(&request, 3, Some(2), "1a"), "another vote");
    assert!(!holds(&request, 3, Some(1), ""), "another log");
    let granted = Message::RequestVoteReply { vote_granted: true };
    assert!(holds(&granted, 3, Some(2), "") && !holds(&granted, 3, None, ""));
    assert!(holds(&append, 3, Some(1), "") && !holds(&append, 3, None, ""));
    assert!(holds(&matched(1), 3, None, "1a") && !holds(&matched(2), 3, None, "1a"));
    let chunk = Chunk { snapshot: snapshot(at(1, 1)), offset: 0, length: 1 };
    for of_a_leader in [
        Message::InstallSnapshot(chunk),
        Message::ReadRound { round: 1 },
        Message::ReadIndexReply { read: ReadId(1), index: Index(1) },
        Message::TimeoutNow,
    ] {
        assert!(holds(&of_a_leader, 3, Some(1), "") && !holds(&of_a_leader, 3, Some(2), ""));
        assert!(!holds(&of_a_leader, 2, Some(1), "") && holds(&of_a_leader, 4, None, ""));
    }
    for term_alone in [
        Message::HigherTerm,
        Message::InstallSnapshotReply { snapshot: snapshot(at(1, 1)), offset: 0, received: 1 },
        Message::ReadIndex { read: ReadId(1) },
        Message::ReadRoundReply { round: 1 },
        Message::RequestVoteReply { vote_granted: false },
        Message::AppendEntriesReply(conflict),
    ] {
        assert!(holds(&term_alone, 3, None, "") && !holds(&term_alone, 2, None, ""));
    }
    assert!(holds(&granted, 4, None, ""), "the disk is in a newer term");
}

#[test]
fn an_acknowledgement_is_true_of_the_log_of_the_leader_that_hears_it() {
    let acknowledgement = packet(2, 1, 3, Message::AppendEntriesReply(AppendOutcome::Matched(Index(2))));
    let leader = leading(follower(2, None, "1a 2b"));
    assert!(cluster::acknowledges_truly(&acknowledgement, &disk(3, None, "1a 2b"), &leader, &[]));
    assert!(!cluster::acknowledges_truly(&acknowledgement, &disk(3, None, "1a 2x"), &leader, &[]));
    assert!(
        cluster::acknowledges_truly(&acknowledgement, &disk(4, None, ""), &leader, &[]),
        "without weight"
    );
    let other = packet(2, 1, 3, Message::HigherTerm);
    assert!(cluster::acknowledges_truly(&other, &disk(3, None, ""), &leader, &[]), "no acknowledgement");
    assert!(cluster::leads_durably(&leader, &disk(3, Some(1), "")));
    assert!(!cluster::leads_durably(&leader, &disk(3, None, "")));
    assert!(cluster::leads_durably(&follower(3, None, ""), &disk(1, None, "")), "it does not lead");
}

#[test]
fn a_history_remembers_who_led_and_who_got_votes() {
    let leader = leading(follower(2, None, ""));
    let (mut one, mut other) = (NodeHistory::default(), NodeHistory::default());
    one.see(&leader);
    other.see(&follower(3, None, ""));
    assert!(history::election_safety([one, other].into_iter()));
    other.see(&leader);
    assert!(!history::election_safety([one, other].into_iter()), "both have led term 3");

    let mut voter = NodeHistory::default();
    let granted = |to, term| packet(1, to, term, Message::RequestVoteReply { vote_granted: true });
    let denied = packet(1, 3, 1, Message::RequestVoteReply { vote_granted: false });
    assert_eq!(voter.see_leave(&granted(2, 1)), None);
    assert_eq!(voter.see_leave(&granted(2, 1)), None, "the same again");
    assert_eq!(voter.see_leave(&denied), None);
    let mut renamed = voter.renamed(|id| if id == n(2) { n(3) } else { id });
    assert_eq!(renamed.see_leave(&granted(3, 1)), None, "node 2 is called 3 there");
    let mut forgetful = voter;
    forgetful.forget_before(Term(2));
    assert_eq!(forgetful.see_leave(&granted(3, 1)), None, "the disk is in term 2, the vote has no weight");
    let own = packet(1, 3, 1, Message::RequestVote { last_log: at(0, 0) });
    assert_eq!(
        voter.see_leave(&own),
        Some(Violation::OneVotePerTerm),
        "a request tells of a vote for oneself"
    );
}

#[test]
fn the_committed_log_is_one_of_proposals_each_at_most_once() {
    let refines = |text: &str| history::refines_proposals(&committed(text, 1), |command| command < 'x');
    assert!(refines("1- 1a 2- 2b"));
    assert!(!refines("1a 1x"), "invented");
    assert!(!refines("1a 2a"), "twice");
}
