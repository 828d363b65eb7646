//! The one notation, line by line, and what is wrong with each message that is nonsense: who reads a log or a counterexample
//! reads these.

use seaworthy_protocol::notation::show;
use seaworthy_protocol::{
    Answer, AppendOutcome, Chunk, Config, ConfigError, Durable, Effects, Entry, Envelope, Index, Input,
    LogId, Message, Misdeed, Node, NodeId, NodeIdOutOfRange, NodeMap, NodeSet, Payload, ReadId, Reads,
    Recording, Role, Snapshot, Term, Write, WriteAck, invariants::Violation,
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

const SNAPSHOT: Snapshot = Snapshot { last: LogId { term: Term(1), index: Index(2) }, length: 9, digest: 7 };

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
    let inputs: [(Input<char>, &str); 14] = [
        (from(2, 2, Message::HigherTerm), "receive n2@2→n1 higher term"),
        (from(2, 1, Message::PreVoteGranted), "receive n2@1→n1 pre-vote granted"),
        (Input::ElectionTimeout, "election timeout"),
        (Input::CannotWrite { heir: None }, "cannot write"),
        (Input::CannotWrite { heir: Some(n(2)) }, "cannot write, heir n2"),
        (Input::Read(ReadId(5)), "read r5"),
        (Input::Transfer { to: n(2) }, "transfer to n2"),
        (Input::Compact { snapshot: SNAPSHOT, through: Index(1) }, "compact 2@1/9#7 through 1"),
        (Input::SnapshotStaged { snapshot: SNAPSHOT, is_intact: true }, "snapshot 2@1/9#7 staged"),
        (Input::SnapshotStaged { snapshot: SNAPSHOT, is_intact: false }, "snapshot 2@1/9#7 damaged"),
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
        "n1@2 leader n2:match=0,next=2,asked n3:match=0,next=2,asked vote=n1 log=[1@1:'a' 2@2:-] commit=0 confirmed=1"
    );
    assert_eq!(n1.0.leader(), Some(n(1)));
    n1.takes(from(2, 2, Message::AppendEntriesReply(AppendOutcome::Matched(Index(1)))));
    assert!(n1.0.to_string().starts_with("n1@2 leader heard={n2} n2:match=1,next=2"), "{}", n1.0);
    n1.takes(from(3, 3, append(at(0, 0), &[])));
    assert!(n1.0.to_string().starts_with("n1@3 follower of n3 log="), "{}", n1.0);
}

#[test]
fn what_is_said_about_snapshots_reads_and_transfers_is_a_line_each() {
    let chunk = Chunk { snapshot: SNAPSHOT, offset: 4, length: 5 };
    let messages: [(Message<Vec<Entry<char>>>, &str); 7] = [
        (Message::InstallSnapshot(chunk), "InstallSnapshot 2@1/9#7 from=4 length=5"),
        (
            Message::InstallSnapshotReply { snapshot: SNAPSHOT, offset: 0, received: 4 },
            "snapshot 2@1/9#7 from=0 received=4",
        ),
        (Message::ReadIndex { read: ReadId(5) }, "ReadIndex r5"),
        (Message::ReadIndexReply { read: ReadId(5), index: Index(3) }, "readable r5 at 3"),
        (Message::ReadRound { round: 2 }, "ReadRound 2"),
        (Message::ReadRoundReply { round: 2 }, "following in round 2"),
        (Message::TimeoutNow, "TimeoutNow"),
    ];
    for (message, line) in messages {
        assert_eq!(show::<_, char>(&message).to_string(), line);
    }
    let answers = [
        (Answer::Transferring { to: n(2) }, "transferring to n2"),
        (Answer::CannotTransfer { to: n(4) }, "cannot transfer to n4"),
        (Answer::Readable { read: ReadId(5), index: Index(3) }, "readable r5 at 3"),
        (Answer::CannotRead { read: ReadId(5) }, "cannot read r5"),
    ];
    for (answer, line) in answers {
        assert_eq!(answer.to_string(), line);
    }
    let writes: [(Write<Vec<Entry<char>>>, &str); 2] = [
        (
            Write::Compact { snapshot: SNAPSHOT, through: Index(1) },
            "write snapshot=2@1/9#7 instead of the log up to 1",
        ),
        (Write::Install { snapshot: SNAPSHOT }, "write snapshot=2@1/9#7 instead of the log"),
    ];
    for (write, line) in writes {
        assert_eq!(show::<_, char>(&write).to_string(), line);
        assert_eq!(show::<_, char>(&write.borrowed()).to_string(), line);
        assert_eq!(write.borrowed().map_entries(<[Entry<char>]>::to_vec), write);
    }
    let received =
        Subject::woken(1, &[]).feed(from(2, 1, Message::InstallSnapshot(Chunk { offset: 0, ..chunk })));
    let staged = "send n1@1→n2 snapshot 2@1/9#7 from=0 received=5\nstage 2@1/9#7 from=0 length=5\nreset election timer\n";
    assert_eq!(received.to_string(), staged);
}

#[test]
fn a_node_shows_its_snapshot_and_the_one_that_it_receives() {
    let mut n1 = Subject::woken(1, &[entry(1, 'a'), entry(1, 'b'), entry(1, 'c')]);
    n1.takes(from(
        2,
        1,
        Message::AppendEntries { prev_log: at(3, 1), entries: vec![], leader_commit: Index(2) },
    ));
    n1.takes(Input::Compact { snapshot: SNAPSHOT, through: Index(1) });
    let kept = "snapshot=2@1/9#7 base=1@1 log=[2@1:'b' 3@1:'c']";
    assert_eq!(n1.0.to_string(), format!("n1@1 follower of n2 {kept} commit=2"));
    assert_eq!(n1.0.durable().to_string(), format!("term=1 {kept}"));
    let newer = Snapshot { last: at(7, 1), length: 9, digest: 8 };
    n1.takes(from(2, 1, Message::InstallSnapshot(Chunk { snapshot: newer, offset: 0, length: 4 })));
    assert_eq!(n1.0.to_string(), format!("n1@1 follower of n2 {kept} commit=2 receiving 7@1/9#8 received=4"));
    n1.takes(from(2, 1, Message::InstallSnapshot(Chunk { snapshot: newer, offset: 4, length: 5 })));
    n1.takes(Input::SnapshotStaged { snapshot: newer, is_intact: true });
    assert_eq!(n1.0.to_string(), "n1@1 follower of n2 snapshot=7@1/9#8 log=[] commit=7 confirmed=2");
}

#[test]
fn a_leader_shows_what_it_sends_at_which_pace() {
    let mut n1 = Subject::woken(1, &[entry(1, 'a'), entry(1, 'b')]).lead();
    let pace =
        |n1: &Subject| n1.0.to_string().split(' ').find(|word| word.starts_with("n2:")).unwrap().to_owned();
    assert_eq!(pace(&n1), "n2:match=0,next=3,asked");
    n1.takes(from(3, 2, Message::AppendEntriesReply(AppendOutcome::Matched(Index(2)))));
    n1.takes(from(
        2,
        2,
        Message::AppendEntriesReply(AppendOutcome::Conflict { prev_log_index: Index(2), hint: at(1, 1) }),
    ));
    assert_eq!(pace(&n1), "n2:match=0,next=2");
    n1.takes(from(2, 2, Message::AppendEntriesReply(AppendOutcome::Matched(Index(1)))));
    n1.takes(Input::Replicate);
    assert_eq!(pace(&n1), "n2:match=1,next=4,bytes=2");
    n1.takes(Input::WritesDurable(WriteAck { term: Term(2), last: at(3, 2) }));
    n1.takes(from(3, 2, Message::AppendEntriesReply(AppendOutcome::Matched(Index(3)))));
    n1.takes(Input::Compact { snapshot: SNAPSHOT, through: Index(2) });
    n1.takes(from(
        2,
        2,
        Message::AppendEntriesReply(AppendOutcome::Conflict { prev_log_index: Index(3), hint: at(1, 1) }),
    ));
    assert_eq!(pace(&n1), "n2:match=1,next=2,snapshot=0");
    n1.takes(Input::Replicate);
    assert_eq!(pace(&n1), "n2:match=1,next=2,snapshot=0,asked");
}

#[test]
fn a_leader_shows_its_reads_and_to_whom_it_hands_over() {
    let mut n1 = Subject::woken(1, &[]).lead();
    let shown = |n1: &Subject| n1.0.to_string().split(" n2:").next().unwrap().to_owned();
    n1.takes(Input::Read(ReadId(5)));
    assert_eq!(shown(&n1), "n1@2 leader waiting={n1} reads={n1:r5}");
    n1.takes(Input::Replicate);
    n1.takes(from(3, 2, Message::ReadIndex { read: ReadId(7) }));
    let in_round = "round=1 confirming={n1:r5} waiting={n3} reads={n1:r5 n3:r7}";
    assert_eq!(shown(&n1), format!("n1@2 leader {in_round}"));
    n1.takes(Input::Transfer { to: n(3) });
    assert_eq!(shown(&n1), format!("n1@2 leader transferring to n3 {in_round}"));
    n1.takes(from(2, 2, Message::ReadRoundReply { round: 1 }));
    assert_eq!(
        shown(&n1),
        "n1@2 leader transferring to n3 round=1 waiting={n3} reads={n1:r5 n3:r7} heard={n2}"
    );
}

#[test]
fn a_round_that_runs_shows_by_whom_it_is_confirmed() {
    let reads = Reads {
        round: 4,
        confirmed_by: [n(2), n(3)].into_iter().collect(),
        confirming: NodeMap::from_fn([n(1), n(5)].into_iter().collect(), |id| ReadId(u64::from(id.get()))),
        latest: NodeMap::default(),
        waiting: NodeSet::default(),
    };
    assert_eq!(reads.to_string(), " round=4 confirming={n1:r1 n5:r5} by={n2 n3}");
    assert_eq!(Reads::default().to_string(), "");
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
    let kinds: [Message<Vec<Entry<char>>>; 14] = [
        Message::RequestVote { last_log: at(2, 1) },
        Message::RequestVoteReply { vote_granted: true },
        Message::PreVote { last_log: at(2, 1) },
        Message::PreVoteGranted,
        append(at(1, 1), &[entry(2, 'x')]),
        Message::AppendEntriesReply(AppendOutcome::Conflict { prev_log_index: Index(3), hint: at(2, 1) }),
        Message::InstallSnapshot(Chunk { snapshot: SNAPSHOT, offset: 4, length: 5 }),
        Message::InstallSnapshotReply { snapshot: SNAPSHOT, offset: 0, received: 4 },
        Message::ReadIndex { read: ReadId(5) },
        Message::ReadIndexReply { read: ReadId(5), index: Index(3) },
        Message::ReadRound { round: 2 },
        Message::ReadRoundReply { round: 3 },
        Message::TimeoutNow,
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
        Input::CannotWrite { heir } => Input::CannotWrite { heir: heir.map(name) },
        Input::Transfer { to } => Input::Transfer { to: name(to) },
        other @ (Input::ElectionTimeout
        | Input::HeartbeatTimeout
        | Input::Propose(_)
        | Input::Replicate
        | Input::Read(_)
        | Input::Compact { .. }
        | Input::SnapshotStaged { .. }
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
        Input::Read(ReadId(1)),
        from(2, 2, Message::ReadIndex { read: ReadId(4) }),
        Input::Replicate,
        from(3, 2, Message::ReadIndex { read: ReadId(2) }),
        Input::Transfer { to: n(2) },
        Input::CannotWrite { heir: Some(n(3)) },
        from(2, 3, Message::InstallSnapshot(Chunk { snapshot: SNAPSHOT, offset: 0, length: 4 })),
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
