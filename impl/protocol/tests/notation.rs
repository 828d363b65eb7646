//! The one notation, line by line, and what is wrong with each message that is nonsense: who reads a log or a counterexample
//! reads these.

use seaworthy_protocol::notation::show;
use seaworthy_protocol::{
    Answer, AppendOutcome, Config, ConfigError, Durable, Effects, Entry, Envelope, Index, Input, LogId,
    Message, Misdeed, Node, NodeId, NodeIdOutOfRange, NodeSet, Payload, Recording, Role, Term, Write,
    WriteAck, invariants::Violation,
};
use std::sync::Arc;

fn n(number: u8) -> NodeId {
    NodeId::new(number).unwrap()
}

fn at(index: u64, term: u64) -> LogId {
    LogId { term: Term(term), index: Index(index) }
}

fn entry(term: u64, command: char) -> Entry<char> {
    Entry { term: Term(term), payload: Payload::Command(command) }
}

fn append(prev_log: LogId, entries: &[Entry<char>]) -> Message<Vec<Entry<char>>> {
    Message::AppendEntries { prev_log, entries: entries.to_vec(), leader_commit: Index(9) }
}

fn from(from: u8, term: u64, message: Message<Vec<Entry<char>>>) -> Input<char> {
    Input::Receive(Envelope { from: n(from), to: n(1), term: Term(term), message })
}

/// Node 1 of three, woken with a term and a log.
struct Subject(Node<char>);

impl Subject {
    fn woken(term: u64, entries: &[Entry<char>]) -> Self {
        let mut durable = Durable::default();
        assert!(durable.redo(Write::<Vec<_>>::TermAndVote { current_term: Term(term), voted_for: None }));
        assert!(durable.redo(Write::Append { after: Index(0), entries: entries.to_vec() }));
        Self(Node::restart(n(1), durable))
    }

    fn feed(&mut self, input: Input<char>) -> Effects<Recording<char>> {
        let mut fx = Effects::new(Recording::default());
        self.0.step(&Config::new(NodeSet::first(3)).unwrap(), input, &mut fx);
        fx
    }

    fn takes(&mut self, input: Input<char>) {
        drop(self.feed(input));
    }

    fn lead(mut self) -> Self {
        self.takes(Input::ElectionTimeout);
        let ack = self.feed(from(2, self.0.current_term().0, Message::PreVoteGranted)).ack.unwrap();
        self.takes(Input::WritesDurable(ack));
        self.takes(from(2, self.0.current_term().0, Message::RequestVoteReply { vote_granted: true }));
        assert!(self.0.is_leader());
        self
    }

    fn fault_of(mut self, input: Input<char>) -> (Misdeed, String) {
        let fx = self.feed(input);
        let [fault] = fx.sink.faults[..] else { panic!("{fx}") };
        (fault.misdeed, fx.to_string())
    }
}

#[test]
fn each_misdeed_is_noticed_and_told_in_a_line() {
    let log = [entry(1, 'a'), entry(1, 'b')];
    let follower = || Subject::woken(2, &log);
    let mut committed = follower();
    committed.takes(from(2, 2, append(at(2, 1), &[])));
    assert_eq!(committed.0.commit_index(), Index(2));
    let mut follows_2 = follower();
    follows_2.takes(from(2, 2, append(at(2, 1), &[])));
    let astray = Envelope { from: n(2), to: n(3), term: Term(2), message: append(at(0, 0), &[]) };
    let cases = [
        (follower(), Input::Receive(astray), Misdeed::WrongAddressee, "n2 sent a message for another node"),
        (
            follower(),
            from(4, 2, Message::HigherTerm),
            Misdeed::NotAVoter,
            "n4 is no other voter of this cluster",
        ),
        (follower(), from(2, 0, append(at(0, 0), &[])), Misdeed::TermZero, "n2 spoke in term 0"),
        (
            follows_2,
            from(3, 2, append(at(0, 0), &[])),
            Misdeed::SecondLeader,
            "n3 claims to lead a term that has another leader",
        ),
        (
            follower(),
            from(2, 2, append(at(1, 1), &[entry(2, 'x'), entry(1, 'y')])),
            Misdeed::Malformed,
            "n2 sent log positions that no log can have",
        ),
        (
            committed,
            from(2, 2, append(at(1, 1), &[entry(2, 'x')])),
            Misdeed::ContradictsCommitted,
            "n2 contradicts committed entries",
        ),
        (
            follower().lead(),
            from(2, 3, Message::AppendEntriesReply(AppendOutcome::Matched(Index(9)))),
            Misdeed::ImpossibleAnswer,
            "n2 answered about entries it was never sent",
        ),
    ];
    for (subject, input, misdeed, told) in cases {
        let (noticed, line) = subject.fault_of(input);
        assert_eq!(noticed, misdeed);
        let last = line.lines().last().unwrap();
        assert_eq!(last, format!("fault {told}"));
    }
}

#[test]
fn inputs_and_effects_are_a_line_each() {
    let mut n1 = Subject::woken(1, &[entry(1, 'a')]);
    assert_eq!(
        n1.feed(Input::ElectionTimeout).to_string(),
        "send n1@1→n2 PreVote last=1@1\nsend n1@1→n3 PreVote last=1@1\nreset election timer\n"
    );
    assert_eq!(
        n1.feed(from(2, 1, Message::PreVoteGranted)).to_string(),
        "write term=2 vote=n1\nsend after writes n1@2→n2 RequestVote last=1@1\n\
         send after writes n1@2→n3 RequestVote last=1@1\nreset election timer\n"
    );
    assert_eq!(n1.feed(Input::Propose('x')).to_string(), "answer not leader\n");
    assert_eq!(
        Subject::woken(1, &[]).lead().feed(Input::Propose('x')).to_string(),
        "write after=1 [2@2:'x']\nanswer appended 2@2\n"
    );
    assert_eq!(Answer::NotLeader { leader: Some(n(3)) }.to_string(), "not leader, try n3");
    let inputs: [(Input<char>, &str); 8] = [
        (from(2, 2, Message::HigherTerm), "receive n2@2→n1 higher term"),
        (from(2, 1, Message::PreVoteGranted), "receive n2@1→n1 pre-vote granted"),
        (Input::ElectionTimeout, "election timeout"),
        (Input::CannotWrite, "cannot write"),
        (Input::HeartbeatTimeout, "heartbeat"),
        (Input::Propose('x'), "propose 'x'"),
        (Input::Replicate, "replicate"),
        (Input::WritesDurable(WriteAck { term: Term(2), last: at(1, 1) }), "durable term=2 last=1@1"),
    ];
    for (input, line) in inputs {
        assert_eq!(input.to_string(), line);
    }
    let mut broken: Effects<Recording<char>> = Effects::new(Recording::default());
    broken.violation = Some(Violation::VoteStable);
    assert_eq!(broken.to_string(), "violation VoteStable\n");
}

#[test]
fn a_node_shows_its_role_its_vote_its_log_and_what_its_disk_has_not_confirmed() {
    let mut n1 = Subject::woken(1, &[entry(1, 'a')]);
    assert_eq!(n1.0.to_string(), "n1@1 follower log=[1@1:'a'] commit=0");
    assert_eq!(n1.0.durable().to_string(), "term=1 log=[1@1:'a']");
    n1.takes(Input::ElectionTimeout);
    assert_eq!(n1.0.to_string(), "n1@1 pre-candidate votes={n1} log=[1@1:'a'] commit=0");
    let ack = n1.feed(from(2, 1, Message::PreVoteGranted)).ack.unwrap();
    assert_eq!(n1.0.to_string(), "n1@2 candidate votes={} vote=n1 log=[1@1:'a'] commit=0 unconfirmed term");
    assert_eq!(n1.0.durable().to_string(), "term=2 vote=n1 log=[1@1:'a']");
    n1.takes(Input::WritesDurable(ack));
    n1.takes(from(3, 2, Message::RequestVoteReply { vote_granted: true }));
    assert_eq!(
        n1.0.to_string(),
        "n1@2 leader n2:match=0,next=2 n3:match=0,next=2 vote=n1 log=[1@1:'a' 2@2:-] commit=0 confirmed=1"
    );
    assert_eq!(n1.0.leader(), Some(n(1)));
    n1.takes(from(2, 2, Message::AppendEntriesReply(AppendOutcome::Matched(Index(1)))));
    assert!(n1.0.to_string().starts_with("n1@2 leader heard={n2} n2:match=1,next=2"), "{}", n1.0);
    n1.takes(from(3, 3, append(at(0, 0), &[])));
    assert!(n1.0.to_string().starts_with("n1@3 follower of n3 log="), "{}", n1.0);
}

#[test]
fn what_is_refused_says_why() {
    assert_eq!(Config::new(NodeSet::default()), Err(ConfigError::NoVoters));
    assert_eq!(ConfigError::NoVoters.to_string(), "a cluster needs at least one voter");
    assert_eq!(NodeId::try_from(65), Err(NodeIdOutOfRange(65)));
    assert_eq!(NodeIdOutOfRange(65).to_string(), "node 65 is out of range: nodes are numbered from 1 to 64");
    assert_eq!(NodeId::try_from(7).map(u8::from), Ok(7));
    for violation in Violation::ALL {
        assert_eq!(violation.to_string(), format!("{violation:?}"));
    }
}

/// A transport may hold entries as it likes: owned, borrowed or shared, they are the same message and make the same log.
#[test]
fn entries_are_the_same_however_they_are_held() {
    let entries = [entry(1, 'a'), entry(1, 'x')];
    let config = Config::new(NodeSet::first(3)).unwrap();
    let packet = Envelope { from: n(2), to: n(1), term: Term(1), message: append(at(0, 0), &entries) };
    let mut by_owned = Subject::woken(1, &entries[..1]);
    let mut by_borrowed = Subject::woken(1, &entries[..1]);
    let mut by_shared = Subject::woken(1, &entries[..1]);
    let borrowed = packet.borrowed();
    assert_eq!(show::<_, char>(&borrowed).to_string(), show::<_, char>(&packet).to_string());
    let mut fx = Effects::new(Recording::default());
    by_borrowed.0.step(&config, Input::Receive(borrowed), &mut fx);
    let shared: Envelope<Arc<[Entry<char>]>> = packet.clone().map_entries(Arc::from);
    by_shared.0.step(&config, Input::Receive(shared), &mut fx);
    by_owned.0.step(&config, Input::Receive(packet), &mut fx);
    assert_eq!(by_owned.0.log().entries(), entries);
    assert_eq!(by_owned.0, by_borrowed.0);
    assert_eq!(by_owned.0, by_shared.0);
}

#[test]
fn every_kind_of_message_is_the_same_when_borrowed() {
    let kinds: [Message<Vec<Entry<char>>>; 7] = [
        Message::RequestVote { last_log: at(2, 1) },
        Message::RequestVoteReply { vote_granted: true },
        Message::PreVote { last_log: at(2, 1) },
        Message::PreVoteGranted,
        append(at(1, 1), &[entry(2, 'x')]),
        Message::AppendEntriesReply(AppendOutcome::Conflict { prev_log_index: Index(3), hint: at(2, 1) }),
        Message::HigherTerm,
    ];
    for message in kinds {
        let packet = Envelope { from: n(2), to: n(3), term: Term(2), message };
        let again: Envelope<Vec<Entry<char>>> = packet.borrowed().map_entries(<[Entry<char>]>::to_vec);
        assert_eq!(again, packet);
    }
}

/// Names mean nothing to the protocol (the checker's reduction by symmetry rests on it): a renamed node takes renamed steps.
#[test]
fn a_renamed_node_takes_renamed_steps() {
    let name = |id: NodeId| n(id.get() % 3 + 1);
    let rename = |input: Input<char>| match input {
        Input::Receive(packet) => {
            Input::Receive(Envelope { from: name(packet.from), to: name(packet.to), ..packet })
        }
        other @ (Input::ElectionTimeout
        | Input::HeartbeatTimeout
        | Input::Propose(_)
        | Input::Replicate
        | Input::CannotWrite
        | Input::WritesDurable(_)) => other,
    };
    let mut n1 = Subject::woken(1, &[entry(1, 'a')]);
    let mut n2 = Subject(n1.0.renamed(NodeSet::first(3), name));
    let mut roles = 0;
    let mut inputs = vec![
        from(3, 1, append(at(1, 1), &[])),
        Input::ElectionTimeout,
        from(2, 1, Message::PreVoteGranted),
        from(2, 2, Message::RequestVoteReply { vote_granted: true }),
        from(3, 2, Message::AppendEntriesReply(AppendOutcome::Matched(Index(1)))),
        from(2, 3, Message::RequestVote { last_log: at(2, 2) }),
    ];
    inputs.reverse();
    while let Some(input) = inputs.pop() {
        let fx = n1.feed(input.clone());
        n2.takes(rename(input));
        assert_eq!(n1.0.renamed(NodeSet::first(3), name), n2.0);
        roles |= match n1.0.role() {
            Role::Follower { .. } => 1,
            Role::PreCandidate { .. } => 2,
            Role::Candidate { .. } => 4,
            Role::Leader { .. } => 8,
        };
        inputs.extend(fx.ack.map(Input::WritesDurable));
    }
    assert_eq!(roles, 15, "every role was renamed");
}
