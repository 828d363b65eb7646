//! The properties of logs that begin after a snapshot: what is not there any more is judged by what was committed there.

use super::{
    Owned, at, committed, committing, disk, entries, feed, follower, leading, n, packet, rewritten, snapshot,
};
use seaworthy_protocol::invariants::history;
use seaworthy_protocol::invariants::{Violation, cluster, node, step};
use seaworthy_protocol::{AppendOutcome, Durable, Index, Input, LogId, Message, Node, NodeSet, Write};

/// A disk in term 9 whose log lacks what precedes `base`.
fn compacted(log: &str, base: LogId) -> Durable<char> {
    let whole = disk(9, None, log);
    rewritten(whole, [Write::Compact { snapshot: snapshot(base), through: base.index }])
}

/// A disk in term 9 with a snapshot up to `last` and nothing but these entries after it.
fn installed(last: LogId, after: &str) -> Durable<char> {
    let append = Write::Append { after: last.index, entries: entries(after) };
    rewritten(disk(9, None, ""), [Write::Install { snapshot: snapshot(last) }, append])
}

fn woken(disk: Durable<char>) -> Node<char> {
    Node::restart(n(1), disk)
}

/// A leader of term 10, all of whose log is committed, with its own log up to `base` compacted.
fn compacting_leader(log: &str, base: LogId) -> Node<char> {
    let leader = leading(follower(9, None, log));
    let matched = AppendOutcome::Matched(leader.log().last_index());
    let reply = packet(3, 1, 10, Message::AppendEntriesReply(matched));
    let compact = Input::Compact { snapshot: snapshot(base), through: base.index };
    feed(leader, [Input::Receive(reply), compact])
}

#[test]
fn a_step_takes_no_compaction_back() {
    let violation = |before: &Node<char>, after: &Node<char>| step::Before::of(before).violation_by(after);
    let whole = committing(follower(9, None, "1a 2b"));
    let shorter = woken(compacted("1a 2b", at(2, 2)));
    assert_eq!(violation(&whole, &shorter), None, "what is compacted is not lost");
    assert_eq!(violation(&whole, &woken(installed(at(3, 2), ""))), None, "nor what a snapshot covers");
    assert_eq!(violation(&shorter, &whole), Some(Violation::CompactedCommitted));
    let other = woken(installed(at(2, 1), ""));
    assert_eq!(violation(&whole, &other), Some(Violation::CommitMonotonic), "another entry was compacted");
    let less = woken(compacted("1a 2b", at(1, 1)));
    assert_eq!(violation(&whole, &less), Some(Violation::CommitMonotonic), "less is known to be committed");
}

#[test]
fn logs_are_compared_with_what_is_left_of_them() {
    let whole = compacting_leader("1a 2b 2c", at(1, 1));
    let shorter = compacting_leader("1a 2b 2c", at(2, 2));
    let forged = compacting_leader("1a 2b 2x", at(2, 2));
    for compare in [step::leader_append_only, step::commit_monotonic] {
        assert!(compare(&whole, &shorter));
        assert!(!compare(&whole, &forged), "another value in what is left");
        assert!(!compare(&shorter, &whole), "what was compacted is back");
    }
}

#[test]
fn log_shape_begins_with_the_base() {
    assert!(node::log_shape(&installed(at(3, 2), "2a 3b")));
    assert!(!node::log_shape(&installed(at(3, 2), "1a")), "a term below the base's");
    assert!(!node::log_shape(&installed(at(3, 10), "")), "a base above the current term");
}

#[test]
fn the_log_begins_where_the_snapshot_ends_or_before() {
    assert!(node::log_continues_snapshot(&disk(9, None, "1a")), "no snapshot, no base");
    assert!(node::log_continues_snapshot(&compacted("1a 2b 2c", at(2, 2))));
    let behind = || {
        let snapshot = snapshot(at(3, 2));
        rewritten(disk(9, None, "1a 2b 2c"), [Write::Compact { snapshot, through: Index(1) }])
    };
    assert!(node::log_continues_snapshot(&behind()));
    let cut =
        |after, text| rewritten(behind(), [Write::Append { after: Index(after), entries: entries(text) }]);
    assert!(!node::log_continues_snapshot(&cut(2, "3x")), "another entry where the snapshot ends");
    assert!(!node::log_continues_snapshot(&cut(2, "")), "the log ends before the snapshot");
}

#[test]
fn a_write_that_cuts_what_a_snapshot_stands_for_is_not_replayed() {
    let mut disk = compacted("1a 2b 2c", at(2, 2));
    let before = disk.clone();
    for (index, term, through) in [(4, 2, 4), (3, 1, 3), (1, 1, 1), (3, 2, 4), (3, 2, 1)] {
        let snapshot = snapshot(at(index, term));
        assert!(!disk.redo(Write::<Owned>::Compact { snapshot, through: Index(through) }));
    }
    assert!(!disk.redo(Write::Append { after: Index(1), entries: entries("2b") }));
    assert!(!disk.redo(Write::Append { after: Index(4), entries: entries("2e") }));
    assert_eq!(disk, before);
}

#[test]
fn log_matching_judges_what_one_of_them_has_compacted_by_what_was_committed() {
    let ghost = committed("1a 2b 2c", 2);
    let short = compacted("1a 2b 2c", at(2, 2));
    let matching = |other: &Durable<char>| {
        let one_way = cluster::log_matching(short.log(), other.log(), &ghost);
        assert_eq!(one_way, cluster::log_matching(other.log(), short.log(), &ghost));
        one_way
    };
    assert!(matching(&disk(9, None, "1a 2b 2c 3d")));
    assert!(matching(&disk(9, None, "1a 3x")), "they do not meet");
    assert!(matching(&disk(9, None, "1x")), "nor here");
    assert!(matching(&compacted("1a 2b 2c", at(3, 2))));
    assert!(!matching(&disk(9, None, "1x 2b 2c")), "another value before");
    assert!(!matching(&disk(9, None, "1x 2b")), "they meet at the base");
    assert!(!matching(&disk(9, None, "1a 2b 2x")), "another value after");
    assert!(
        !cluster::log_matching(short.log(), disk(9, None, "1a 2b").log(), &[]),
        "compacted, not committed"
    );
}

#[test]
fn entries_in_flight_are_judged_so_too() {
    let ghost = committed("1a 2b", 2);
    let log = compacted("1a 2b 2c", at(2, 2));
    let flying = |prev: LogId, text: &str| cluster::append_matching(log.log(), prev, &entries(text), &ghost);
    assert!(flying(at(0, 0), "1a 2b 2c 3d"));
    assert!(flying(at(1, 1), "2b 2c"));
    assert!(flying(at(2, 2), "2c"));
    assert!(flying(at(0, 0), "1x"), "all of it was compacted: nothing in common is left");
    assert!(!flying(at(0, 0), "1x 2b 2c"), "another value before");
    assert!(!flying(at(0, 0), "1x 2b"), "they meet at the base, and nowhere after");
    assert!(!flying(at(0, 0), "1x 2b 3x"), "they meet at the base, and part after it");
    assert!(flying(at(0, 0), "1a 2b 3x"), "that alone is not wrong");
    assert!(!flying(at(0, 0), "1a 1b 2c"), "another term at the base");
    assert!(!flying(at(1, 1), "2b 2x"), "another value after");
    assert!(!flying(at(2, 1), "2c"), "it meets the log elsewhere");
}

#[test]
fn a_compacted_log_holds_what_was_committed_there() {
    let ghost = committed("1a 2b 2c", 2);
    let holds = |disk: &Durable<char>| {
        let voters = NodeSet::first(1);
        cluster::committed_on_quorum(voters, [(n(1), disk)].into_iter(), &ghost)
    };
    assert!(holds(&compacted("1a 2b 2c", at(2, 2))));
    assert!(holds(&installed(at(3, 2), "")));
    assert!(!holds(&installed(at(2, 2), "2x")), "another value after");
    assert!(!holds(&installed(at(2, 2), "")), "it ends before");
    let complete = |base, text| cluster::leader_completeness(&leading(woken(installed(base, text))), &ghost);
    assert!(complete(at(2, 2), "2c"));
    assert!(!complete(at(2, 2), "2x"));
}

#[test]
fn what_a_snapshot_covers_was_committed() {
    let ghost = committed("1a 2b", 2);
    let safe = |disk: Durable<char>| cluster::state_machine_safety(&woken(disk), &ghost);
    assert!(safe(installed(at(2, 2), "")));
    assert!(safe(compacted("1a 2b 2c", at(1, 1))));
    assert!(!safe(installed(at(2, 1), "")), "another entry");
    assert!(!safe(installed(at(3, 2), "")), "nobody committed so much");
    let mut seen = ghost.clone();
    assert!(history::see_commit(&woken(installed(at(2, 2), "2c")), &mut seen));
    assert_eq!(seen, ghost, "what is not known to be committed is not added");
    assert!(history::see_commit(&committing(woken(installed(at(2, 2), "2c"))), &mut seen));
    assert_eq!(seen.last().unwrap().entry, entries("2c")[0]);
    assert!(!history::see_commit(&committing(woken(installed(at(2, 2), "2x"))), &mut seen));
    assert!(
        !history::see_commit(&woken(installed(at(4, 2), "")), &mut seen),
        "it compacted what nobody committed"
    );
}

#[test]
fn what_is_compacted_is_replicated() {
    let matched = packet(2, 1, 10, Message::AppendEntriesReply(AppendOutcome::Matched(Index(2))));
    let leader = feed(leading(follower(9, None, "1a 2b 2c")), [Input::Receive(matched.clone())]);
    let there = |disk: Durable<char>, ghost: &str| {
        let term_and_vote = Write::TermAndVote { current_term: leader.current_term(), voted_for: None };
        let disk = rewritten(disk, [term_and_vote]);
        let ghost = committed(ghost, 2);
        let is_valid = cluster::match_index_valid(&leader, n(2), &disk, &ghost);
        assert_eq!(is_valid, cluster::acknowledges_truly(&matched, &disk, &leader, &ghost));
        is_valid
    };
    assert!(there(compacted("1a 2b", at(2, 2)), "1a 2b"));
    assert!(there(installed(at(3, 2), ""), "1a 2b 2c"));
    assert!(there(compacted("1a 2b", at(1, 1)), "1a"));
    assert!(!there(compacted("1a 2x", at(1, 1)), "1a"), "another value in what is left");
    assert!(!there(installed(at(1, 1), ""), "1a"), "it ends before");
    assert!(!there(compacted("1a 2b", at(2, 2)), "1x 2b"), "what was committed there is not the leader's");
    assert!(!there(compacted("1a 2b", at(2, 2)), "1a"), "it compacted what nobody committed");
}
