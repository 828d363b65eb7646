//! What no trace can tell of as long as the protocol is right: the judge is shown servers that no cluster has.

use super::commands::{Command, Commands};
use super::judge::{Judge, Servers, acknowledges_truly};
use super::reading::Start;
use super::server::Server;
use bumpalo::Bump;
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::{
    Answer, AppendOutcome, Config, Durable, Entry, Envelope, Index, Input, Message, NodeId, NodeSet, ReadId,
    Term, Write, WriteAck,
};

fn node(number: u8) -> NodeId {
    NodeId::new(number).unwrap()
}

fn server<'a>(id: u8, voters: NodeSet, term: u64) -> Server<'a> {
    let config = Config::new(voters).unwrap().with_pre_vote(false);
    let mut durable = Durable::default();
    let term = Write::<Vec<Entry<Command<'a>>>>::TermAndVote { current_term: Term(term), voted_for: None };
    assert!(durable.redo(term));
    Server::new(node(id), Start { starts: 1, config, durable })
}

/// One that is a cluster of its own, and so leads when it likes.
fn alone<'a>(id: u8, term: u64) -> Server<'a> {
    server(id, std::iter::once(node(id)).collect(), term)
}

/// The node is told that all that it has is durable; and so it is, if `is_true`.
fn confirm(server: &mut Server<'_>, is_true: bool) {
    let ack = WriteAck { term: server.node.current_term(), last: server.node.log().last() };
    if is_true {
        let position = server.confirmed(ack).unwrap();
        assert_eq!(server.advance(position, |_, _| None), None);
    }
    server.step(Input::WritesDurable(ack));
}

fn lead(server: &mut Server<'_>) {
    server.step(Input::ElectionTimeout);
    confirm(server, true);
    assert!(server.node.is_leader());
}

fn of<'a>(servers: impl IntoIterator<Item = Server<'a>>) -> Servers<'a> {
    servers.into_iter().map(|server| (server.node.id(), server)).collect()
}

fn at<'b, 'a>(servers: &'b mut Servers<'a>, id: u8) -> &'b mut Server<'a> {
    servers.get_mut(&node(id)).unwrap()
}

#[test]
fn two_leaders_of_one_term_are_noticed() {
    let mut servers = of([alone(1, 0), alone(2, 0)]);
    let mut judge = Judge::new(&servers);
    lead(at(&mut servers, 1));
    assert_eq!(judge.see_step(node(1), true, &servers), None);
    lead(at(&mut servers, 2));
    assert_eq!(judge.see_step(node(2), true, &servers), Some(Violation::ElectionSafety));
}

#[test]
fn a_leader_without_what_was_committed_before_is_noticed() {
    let mut servers = of([alone(1, 0), alone(2, 1)]);
    let mut judge = Judge::new(&servers);
    lead(at(&mut servers, 1));
    lead(at(&mut servers, 2));
    assert_eq!(judge.see_step(node(2), true, &servers), None);
    confirm(at(&mut servers, 1), true);
    assert_eq!(judge.see_step(node(1), true, &servers), Some(Violation::LeaderCompleteness));
}

#[test]
fn two_entries_committed_at_one_index_are_noticed() {
    let mut servers = of([alone(1, 0), alone(2, 1)]);
    let mut judge = Judge::new(&servers);
    lead(at(&mut servers, 1));
    confirm(at(&mut servers, 1), true);
    assert_eq!(judge.see_step(node(1), true, &servers), None);
    lead(at(&mut servers, 2));
    confirm(at(&mut servers, 2), true);
    assert_eq!(judge.see_step(node(2), true, &servers), Some(Violation::StateMachineSafety));
}

#[test]
fn logs_that_meet_and_differ_before_are_noticed() {
    let space = Bump::new();
    let mut commands = Commands::new(&space);
    let mut servers = of([alone(1, 0), alone(2, 0)]);
    let mut judge = Judge::new(&servers);
    for (id, bytes, is) in [(1, b"one", None), (2, b"two", Some(Violation::LogMatching))] {
        lead(at(&mut servers, id));
        let command = commands.keep(bytes);
        judge.see_proposal(command);
        at(&mut servers, id).step(Input::Propose(command));
        assert_eq!(judge.see_step(node(id), true, &servers), is);
    }
}

#[test]
fn what_is_committed_and_on_no_majority_of_disks_is_noticed() {
    let mut servers = of([alone(1, 0)]);
    let mut judge = Judge::new(&servers);
    lead(at(&mut servers, 1));
    confirm(at(&mut servers, 1), false);
    assert_eq!(judge.see_step(node(1), true, &servers), Some(Violation::CommittedOnQuorum));
}

#[test]
fn what_is_committed_and_was_never_proposed_is_noticed() {
    let space = Bump::new();
    let command = Commands::new(&space).keep(b"never");
    for (proposals, is) in [(0, Some(Violation::Refinement)), (1, Some(Violation::Refinement)), (2, None)] {
        let mut servers = of([alone(1, 0)]);
        let mut judge = Judge::new(&servers);
        lead(at(&mut servers, 1));
        confirm(at(&mut servers, 1), true);
        assert_eq!(judge.see_step(node(1), true, &servers), None);
        (0..proposals).for_each(|_| judge.see_proposal(command));
        at(&mut servers, 1).step(Input::Propose(command));
        at(&mut servers, 1).step(Input::Propose(command));
        confirm(at(&mut servers, 1), true);
        assert_eq!(judge.see_step(node(1), true, &servers), is, "proposed {proposals} times");
    }
}

#[test]
fn a_read_that_misses_what_was_committed_is_noticed() {
    let mut servers = of([alone(1, 0)]);
    let mut judge = Judge::new(&servers);
    lead(at(&mut servers, 1));
    confirm(at(&mut servers, 1), true);
    assert_eq!(judge.see_step(node(1), true, &servers), None);
    for (index, is) in [(1, None), (0, Some(Violation::LinearizableReads))] {
        judge.see_read(node(1), ReadId(7));
        assert_eq!(judge.see_answer(node(1), Answer::Readable { read: ReadId(7), index: Index(index) }), is);
    }
}

#[test]
fn a_second_vote_in_one_term_is_noticed() {
    let mut judge = Judge::new(&of([alone(1, 0)]));
    let grant = |to| Envelope {
        from: node(2),
        to: node(to),
        term: Term(1),
        message: Message::RequestVoteReply { vote_granted: true },
    };
    assert_eq!([1, 1].map(|to| judge.see_received(&grant(to))), [None, None]);
    assert_eq!(judge.see_received(&grant(3)), Some(Violation::OneVotePerTerm));
}

#[test]
fn an_acknowledgement_of_what_is_not_on_the_disk_is_noticed() {
    let mut servers = of([1, 2].map(|id| server(id, NodeSet::first(3), 0)));
    let mut judge = Judge::new(&servers);
    let says = |message| Envelope { from: node(2), to: node(1), term: Term(1), message };
    let leader = at(&mut servers, 1);
    leader.step(Input::ElectionTimeout);
    confirm(leader, true);
    leader.step(Input::Receive(says(Message::RequestVoteReply { vote_granted: true })));
    assert!(leader.node.is_leader());
    let matched = says(Message::AppendEntriesReply(AppendOutcome::Matched(Index(1))));
    leader.step(Input::Receive(matched.clone()));
    assert_eq!(judge.see_step(node(1), false, &servers), Some(Violation::MatchIndexValid));
    // In its term it would be held to its word.
    *at(&mut servers, 2) = server(2, NodeSet::first(3), 1);
    assert!(!acknowledges_truly(&matched, &servers[&node(2)], &servers[&node(1)].node));
}
