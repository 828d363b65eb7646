//! The judge of system calls: what is in order passes, and what is said or done too early is found, each kind of it.

mod recorded;
mod story;
mod told;

use seaworthy::codec::Record;
use seaworthy_conformance::disk_kit::{snapshot_bytes, snapshot_of};
use seaworthy_conformance::syscalls::{Blind, Report, judge};
use seaworthy_protocol::{AppendOutcome, Entry, Index, LogId, Message, Payload, Term};
use std::rc::Rc;
use story::{Clock, Process, node, runs};

/// Which sync comes late.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Late {
    Nothing,
    /// That of the candidate's own vote.
    Candidacy,
    /// That of a vote for another.
    Grant,
    /// That of a follower's entries.
    Entries,
    /// That of a leader's entries, and with it the second of three disks.
    Majority,
}

fn at(term: u64, index: u64) -> LogId {
    LogId { term: Term(term), index: Index(index) }
}

fn command(term: u64, number: u64) -> Entry<u64> {
    Entry { term: Term(term), payload: Payload::Command(number) }
}

fn append(after: u64, entries: &[Entry<u64>]) -> Record<&[Entry<u64>]> {
    Record::Append { after: Index(after), entries }
}

fn matched(index: u64) -> Message<&'static [Entry<u64>]> {
    Message::AppendEntriesReply(AppendOutcome::Matched(Index(index)))
}

fn entries(prev_log: LogId, entries: &[Entry<u64>], leader_commit: u64) -> Message<&[Entry<u64>]> {
    Message::AppendEntries { prev_log, entries, leader_commit: Index(leader_commit) }
}

fn three() -> [Process; 3] {
    let clock: Clock = Rc::default();
    [1, 2, 3].map(|id| Process::start(id, &clock))
}

/// An election, an entry, an acknowledgement to the client: node 1 leads, node 2 follows, node 3 votes and is not heard of again.
fn life(late: Late) -> [Process; 3] {
    let [mut one, mut two, mut three] = three();
    one.hold_syncs(late == Late::Candidacy, false);
    one.vote(1, 1);
    one.send(2, 1, Message::RequestVote { last_log: LogId::default() });
    one.send(3, 1, Message::RequestVote { last_log: LogId::default() });
    one.sync_late();
    for voter in [&mut two, &mut three] {
        voter.hold_syncs(late == Late::Grant, false);
        voter.vote(1, 1);
        voter.send(1, 1, Message::RequestVoteReply { vote_granted: true });
        voter.sync_late();
    }
    // The leader's entries leave before they are on its own disk.
    let log = [Entry { term: Term(1), payload: Payload::Noop }, command(1, 7)];
    one.hold_syncs(late == Late::Majority, false);
    one.send(2, 1, entries(LogId::default(), &log, 0));
    one.write(&[append(0, &log)]);
    two.hold_syncs(late == Late::Entries, false);
    two.write(&[append(0, &log)]);
    two.send(1, 1, matched(2));
    two.sync_late();
    one.say("ok 7 2");
    one.send(3, 1, entries(LogId::default(), &log, 2));
    one.sync_late();
    [one, two, three]
}

fn verdict(processes: impl IntoIterator<Item = Process>) -> Result<Report, Blind> {
    judge(&runs(processes))
}

fn violations(processes: impl IntoIterator<Item = Process>) -> Vec<String> {
    verdict(processes).unwrap().violations.iter().map(ToString::to_string).collect()
}

/// So many, and each says this.
fn assert_found(found: &[String], count: usize, what: &str) {
    assert_eq!(found.len(), count, "{found:#?}");
    assert!(found.iter().all(|violation| violation.contains(what)), "{found:#?}");
}

#[test]
fn what_is_in_order_passes_and_all_of_it_is_counted() {
    let report = verdict(life(Late::Nothing)).unwrap();
    assert_eq!(report.violations, []);
    assert_eq!(report.missing(), Vec::<&str>::new());
    assert!(report.is_sound());
    let count = |kind| report.frames.get(kind).copied();
    assert_eq!([count("vote request"), count("vote granted"), count("AppendEntries")], [Some(2); 3]);
    assert_eq!([count("append matched"), count("pre-vote")], [Some(1), None]);
    assert_eq!((report.acknowledgements, report.handshakes, report.processes), (1, 4, 3));
    assert_eq!((report.records.get("append"), report.records.get("term and vote")), (Some(&2), Some(&3)));
    assert!(report.to_string().ends_with("nothing was said before it was durable"));
}

#[test]
fn a_vote_request_before_the_sync_is_found() {
    assert_found(&violations(life(Late::Candidacy)), 4, "n1@1→n");
}

#[test]
fn a_grant_before_the_sync_is_found() {
    let found = violations(life(Late::Grant));
    assert_found(&found, 4, "→n1 vote granted: the disk ");
    assert!(found[0].starts_with("node 2, process 1, at line "), "{found:?}");
    assert!(found[1].ends_with("the disk has no vote for n1"), "{found:?}");
}

#[test]
fn an_acknowledgement_before_the_sync_is_found() {
    // So early, that the client's comes before a majority has the entry; but node 2 has it by then.
    assert_found(&violations(life(Late::Entries)), 1, "n2@1→n1 matched 2: the disk has no entry 2@1");
}

#[test]
fn an_acknowledgement_to_the_client_before_a_majority_is_found() {
    let found = violations(life(Late::Majority));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("acknowledges 7 at index 2, which 1 of 3 disks have"), "{found:?}");
    assert!(found[1].contains("no majority of the disks has the same entry at index 2"), "{found:?}");
}

#[test]
fn a_judgement_of_nothing_is_told_as_such() {
    let report = verdict(three()).unwrap();
    assert_eq!(report.violations, []);
    assert_eq!(
        report.missing(),
        ["vote request", "vote granted", "AppendEntries", "append matched", "acknowledgement to a client"]
    );
    assert!(!report.is_sound() && report.to_string().contains("this shows nothing"));
}

/// What stands on the disk of node 1 when it says something.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Has {
    Nothing,
    Term,
    VoteForTwo,
    OwnVote,
    OwnVoteAndEntry,
    Snapshot,
}

const ALL: [Has; 6] =
    [Has::Nothing, Has::Term, Has::VoteForTwo, Has::OwnVote, Has::OwnVoteAndEntry, Has::Snapshot];

/// With which of the disks may node 1 say this to node 2?
fn may_say(message: Message<&[Entry<u64>]>) -> Vec<Has> {
    let says = |has: &Has| {
        let [mut one, mut two, three] = three();
        let log = [command(1, 7)];
        two.vote(1, 2);
        two.send(1, 1, entries(LogId::default(), &log, 0));
        match has {
            Has::Nothing => {}
            Has::Term => one.vote(1, 0),
            Has::VoteForTwo => one.vote(1, 2),
            Has::OwnVote | Has::OwnVoteAndEntry | Has::Snapshot => one.vote(1, 1),
        }
        if *has >= Has::OwnVoteAndEntry {
            one.write(&[append(0, &log)]);
        }
        if *has == Has::Snapshot {
            one.wal.save_snapshot(snapshot_of(at(1, 1)), &snapshot_bytes(at(1, 1))).unwrap();
        }
        one.send(2, 1, message);
        violations([one, two, three]).is_empty()
    };
    ALL.into_iter().filter(says).collect()
}

/// The table of `docs/durability.md`, line by line.
#[test]
fn each_message_needs_what_it_asserts() {
    let from = |first: Has| ALL.into_iter().filter(|has| *has >= first).collect::<Vec<_>>();
    let (snapshot, read) = (snapshot_of(at(1, 1)), seaworthy_protocol::ReadId(1));
    let chunk = seaworthy_protocol::Chunk { snapshot, offset: 0, length: 8 };
    let conflict = AppendOutcome::Conflict { prev_log_index: Index(4), hint: LogId::default() };
    let received = Message::InstallSnapshotReply { snapshot, offset: 0, received: 8 };
    for (message, expected) in [
        (Message::RequestVote { last_log: at(1, 1) }, from(Has::OwnVoteAndEntry)),
        (Message::RequestVoteReply { vote_granted: true }, vec![Has::VoteForTwo]),
        (Message::RequestVoteReply { vote_granted: false }, from(Has::Term)),
        (entries(LogId::default(), &[], 0), from(Has::OwnVote)),
        (matched(1), from(Has::OwnVoteAndEntry)),
        (matched(0), from(Has::Term)),
        (Message::AppendEntriesReply(conflict), from(Has::Term)),
        (Message::PreVote { last_log: at(1, 1) }, from(Has::Nothing)),
        (Message::PreVoteGranted, from(Has::Nothing)),
        (Message::InstallSnapshot(chunk), vec![Has::Snapshot]),
        (received, from(Has::Term)),
        (Message::ReadIndex { read }, from(Has::Term)),
        (Message::ReadIndexReply { read, index: Index(1) }, from(Has::OwnVote)),
        (Message::ReadRound { round: 1 }, from(Has::OwnVote)),
        (Message::ReadRoundReply { round: 1 }, from(Has::Term)),
        (Message::TimeoutNow, from(Has::OwnVote)),
        (Message::HigherTerm, from(Has::Term)),
    ] {
        assert_eq!(may_say(message), expected, "{message:?}");
    }
}

#[test]
fn who_has_gone_on_may_still_say_what_was_true() {
    let [mut one, mut two, three] = three();
    let log = [command(1, 7), command(1, 8)];
    two.vote(1, 2);
    two.send(1, 1, entries(LogId::default(), &log, 0));
    one.vote(1, 2);
    one.write(&[append(0, &log)]);
    one.write(&[Record::TermAndVote { current_term: Term(2), voted_for: None }, append(1, &[command(2, 9)])]);
    one.send(2, 1, Message::RequestVoteReply { vote_granted: true });
    one.send(2, 1, matched(2));
    assert_eq!(violations([one, two, three]), Vec::<String>::new());
}

#[test]
fn an_entry_that_was_cut_off_is_no_longer_there_for_a_later_leader() {
    let [mut one, mut two, three] = three();
    let log = [command(1, 7), command(1, 8)];
    one.vote(1, 2);
    one.write(&[append(0, &log)]);
    one.vote(2, 3);
    one.write(&[append(1, &[command(2, 9)])]);
    one.vote(3, 2);
    two.vote(3, 2);
    two.send(1, 3, entries(at(1, 1), &log[1..], 0));
    one.send(2, 3, matched(2));
    assert_found(&violations([one, two, three]), 1, "n1@3→n2 matched 2: the disk has no entry 2@1");
}

#[test]
fn what_no_leader_has_told_of_is_not_acknowledged() {
    let [mut one, two, three] = three();
    one.vote(1, 2);
    one.write(&[append(0, &[command(1, 7)])]);
    one.send(2, 1, matched(1));
    assert_found(&violations([one, two, three]), 1, "no leader of that term has told of index 1");
}

#[test]
fn a_vote_can_be_superseded_but_not_changed() {
    let [mut one, two, three] = three();
    one.vote(5, 1);
    one.send(2, 4, Message::RequestVoteReply { vote_granted: true });
    let report = verdict([one, two, three]).unwrap();
    assert_eq!((report.violations.len(), report.superseded), (0, 1));

    let [mut one, two, three] = self::three();
    one.vote(4, 3);
    one.vote(5, 1);
    one.send(2, 4, Message::RequestVoteReply { vote_granted: true });
    assert_found(&violations([one, two, three]), 1, "the disk has no vote for n2");
}

#[test]
fn a_trace_of_every_node_is_needed() {
    let [one, ..] = life(Late::Nothing);
    let blind = verdict([one]).unwrap_err();
    assert_eq!(blind.what, "sends a frame to n2, of which there is no trace");
}

#[test]
fn nobody_speaks_for_another() {
    let [one, mut two, three] = three();
    let forged = one.frame(3, 1, Message::PreVoteGranted);
    two.send_bytes(3, &forged);
    let blind = verdict([one, two, three]).unwrap_err();
    assert_eq!(blind.what, "sends a frame in the name of another node");
    assert_eq!(node(blind.node), node(2));
}
