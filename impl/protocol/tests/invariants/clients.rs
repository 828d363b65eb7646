//! What clients are told: the truth, or it is noticed.

use super::{at, committed, committing, feed, follower, leading, n, packet};
use seaworthy_protocol::invariants::clients::Clients;
use seaworthy_protocol::{Answer, AppendOutcome, Index, Input, Message, ReadId};

fn readable(read: u64, index: u64) -> Answer {
    Answer::Readable { read: ReadId(read), index: Index(index) }
}

/// Node 1 has been asked for reads 3 and 5 when this was committed.
fn with_reads(text: &str) -> Clients<char> {
    let mut clients = Clients::default();
    clients.see_read(n(1), ReadId(3), &committed("1a", 1));
    clients.see_read(n(1), ReadId(5), &committed(text, 1));
    clients
}

#[test]
fn a_read_sees_what_was_committed_when_it_was_asked() {
    assert!(with_reads("1a 1b").see_answer(n(1), readable(5, 2)));
    assert!(!with_reads("1a 1b").see_answer(n(1), readable(5, 1)), "b is missing");
    assert!(with_reads("1a 1b").see_answer(n(1), readable(3, 1)), "the fifth is not answered by it");
    assert!(!with_reads("1a 1b").see_answer(n(1), readable(9, 0)), "a later one answers those before");
    assert!(with_reads("1a 1b").see_answer(n(2), readable(5, 0)), "another node's fifth");
}

#[test]
fn a_read_is_awaited_until_it_is_answered_or_its_node_crashes() {
    let mut clients = with_reads("1a");
    assert!(clients.awaits(n(1), ReadId(3)) && !clients.awaits(n(1), ReadId(2)));
    assert!(!clients.awaits(n(2), ReadId(5)));
    assert!(clients.see_answer(n(1), readable(3, 1)));
    assert!(!clients.awaits(n(1), ReadId(4)) && clients.awaits(n(1), ReadId(5)));
    assert!(clients.see_answer(n(1), readable(3, 0)), "an old answer that nobody waits for");
    assert!(clients.see_answer(n(1), Answer::CannotRead { read: ReadId(5) }));
    assert!(!clients.awaits(n(1), ReadId(5)));
    let mut crashed = with_reads("1a");
    crashed.see_crash(n(2));
    assert_eq!(crashed, with_reads("1a"));
    crashed.see_crash(n(1));
    assert_eq!(crashed, Clients::default());
    let renamed = with_reads("1a").renamed(|id| if id == n(1) { n(2) } else { id });
    assert!(renamed.awaits(n(2), ReadId(5)) && !renamed.awaits(n(1), ReadId(5)));
}

#[test]
fn whoever_is_told_that_a_command_is_committed_is_told_the_truth() {
    let proposed = || {
        let mut clients = Clients::default();
        clients.see_proposal(n(1), 'b', Answer::Appended(at(2, 1)));
        clients
    };
    let commits = committing(follower(1, None, "1a 1b"));
    assert!(proposed().see_step(&commits, &committed("1a 1b", 1)));
    assert!(!proposed().see_step(&commits, &committed("1a 1x", 1)), "another command is");
    assert!(!proposed().see_step(&commits, &committed("1a 2b", 2)), "another entry is");
    assert!(!proposed().see_step(&commits, &committed("1a", 1)), "nothing is");
    let mut clients = proposed();
    clients.see_crash(n(1));
    assert!(clients.see_step(&commits, &[]), "it learns nothing more from the node");
}

#[test]
fn a_client_waits_while_its_node_leads_and_asks_no_other() {
    let leader = leading(follower(1, None, "1a"));
    let mut clients = Clients::default();
    clients.see_proposal(n(1), 'b', Answer::Appended(at(3, 2)));
    let waiting = clients.clone();
    assert!(clients.see_step(&leader, &[]), "it has the no-op and not yet b");
    assert_eq!(clients, waiting);
    let mut elsewhere = Clients::default();
    elsewhere.see_proposal(n(2), 'b', Answer::Appended(at(1, 1)));
    let waiting = elsewhere.clone();
    assert!(elsewhere.see_step(&committing(follower(1, None, "1x")), &[]));
    assert_eq!(elsewhere, waiting, "node 1 does not answer for node 2");
}

#[test]
fn what_was_disowned_is_never_committed() {
    let refusals = [Answer::NotLeader { leader: None }, Answer::Transferring { to: n(2) }];
    for refusal in refusals {
        let mut clients = Clients::default();
        clients.see_proposal(n(1), 'c', Answer::NotLeader { leader: None });
        clients.see_proposal(n(1), 'b', refusal);
        assert!(clients.told_truly(&committed("1- 1a", 1)));
        assert!(!clients.told_truly(&committed("1a 1b", 1)));
    }
    let mut clients = Clients::default();
    clients.see_proposal(n(1), 'b', Answer::Appended(at(2, 1)));
    assert!(clients.told_truly(&committed("1a 1b", 1)));
    let replaced = committing(follower(2, None, "1a 2x"));
    assert!(clients.see_step(&replaced, &committed("1a 2x", 2)));
    assert!(!clients.told_truly(&committed("1a 2x 2b", 2)), "told: never, but there it is");
}

#[test]
fn a_client_whose_node_has_lost_its_leadership_is_told_nothing_and_waits_on() {
    let mut clients = Clients::default();
    clients.see_proposal(n(1), 'b', Answer::Appended(at(2, 1)));
    let waiting = clients.clone();
    let conflict = AppendOutcome::Conflict { prev_log_index: Index(1), hint: at(0, 0) };
    let packet = packet(2, 1, 3, Message::AppendEntriesReply(conflict));
    let deposed = feed(leading(follower(1, None, "1a 1b")), [Input::Receive(packet)]);
    assert!(clients.see_step(&deposed, &[]));
    assert_eq!(clients, waiting);
    assert!(clients.told_truly(&committed("1a 1b", 3)), "committed or not, both are possible");
    let commits = committing(follower(1, None, "1a 1b"));
    assert!(clients.clone().see_step(&commits, &committed("1a 1b", 3)));
    assert!(
        !clients.clone().see_step(&commits, &committed("1a 1x", 3)),
        "what it is told later is judged too"
    );
    assert!(clients.see_step(&committing(follower(2, None, "1a 2x")), &committed("1a 2x", 2)));
    assert!(!clients.told_truly(&committed("1a 2x 2b", 2)), "told: never, but there it is");
}
