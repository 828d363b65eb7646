//! How far a leader runs ahead of a follower's answers: probe, feed, or send a snapshot (thesis §10.2.1, and the pages of `Pace` and
//! `Window`). Everything here runs with a window.

use crate::notation::{Command, read};
use crate::server::{Reaction, Server, node};
use seaworthy_protocol::{
    Answer, Chunk, Config, Effects, Entry, Envelope, Input, NodeSet, Payload, PeerFault, Recording, Release,
    Sink, Window, Write,
};
use std::num::NonZeroUsize;

/// The leader of term 1, whose no-op n2 has acknowledged, and n3 never will.
fn leader(entries: usize, bytes: usize) -> Server {
    let mut n1 = node(1).with_window(entries, bytes).leader_of(1);
    n1.hears("n2@1→n1 matched 1");
    assert_eq!(n1.pace_of(2), "match=1,next=2");
    n1
}

fn is_asked(n1: &mut Server, commands: &str) {
    for command in commands.chars() {
        n1.is_asked(command);
    }
}

/// What it says to n2.
fn to_n2(reaction: &Reaction) -> Vec<String> {
    reaction.says().into_iter().filter_map(|line| line.strip_prefix("n1@1→n2 ").map(str::to_owned)).collect()
}

/// A leader of term 2 with a snapshot in pieces of 4 bytes, for n2, which has one entry.
fn leader_with_a_snapshot() -> Server {
    let n1 = node(1).with_window(4, 100).with_chunks_of(4);
    let mut n1 = n1.with_log([1, 1, 1]).with_snapshot("3@1/9#7").leader_of(2);
    n1.hears("n2@2→n1 conflict at 3 hint=1@1");
    n1
}

#[test]
fn a_follower_about_which_nothing_is_known_is_asked_one_question_at_a_time() {
    let mut n1 = node(1).with_window(4, 100).with_log([1, 1]).leader_of(2);
    assert_eq!(n1.pace_of(2), "match=0,next=3,asked");
    n1.is_asked('x');
    assert_eq!(n1.replicates().says(), [""; 0], "until the answer");
    assert_eq!(n1.heartbeats().says()[0], "n1@2→n2 AppendEntries prev=2@1 [] commit=0", "it may be lost");
}

#[test]
fn a_follower_whose_log_meets_the_leaders_is_fed() {
    let mut n1 = node(1).with_window(4, 100).with_log([1, 1]).leader_of(2);
    n1.hears("n2@2→n1 matched 2");
    assert_eq!(n1.pace_of(2), "match=2,next=3");
    assert_eq!(n1.replicates().says(), ["n1@2→n2 AppendEntries prev=2@1 [3@2:-] commit=0"]);
    assert_eq!(n1.pace_of(2), "match=2,next=4,bytes=1");
}

#[test]
fn a_follower_whose_log_does_not_is_asked_the_next_question_at_once() {
    let mut n1 = node(1).with_window(4, 100).with_log([1, 1, 2]).leader_of(3);
    n1.hears("n2@3→n1 conflict at 3 hint=1@1");
    assert_eq!(n1.pace_of(2), "match=0,next=2");
    assert_eq!(n1.replicates().says(), ["n1@3→n2 AppendEntries prev=1@1 [] commit=0"]);
    assert_eq!(n1.pace_of(2), "match=0,next=2,asked");
    n1.hears("n2@3→n1 conflict at 3 hint=0@0");
    assert_eq!(n1.pace_of(2), "match=0,next=2,asked", "the answer to the question before");
    n1.hears("n2@3→n1 conflict at 1 hint=0@0");
    assert_eq!(n1.pace_of(2), "match=0,next=1", "in the beginning all logs meet");
}

#[test]
fn an_empty_log_meets_every_other() {
    let n1 = node(1).with_window(4, 100).leader_of(1);
    assert_eq!(n1.pace_of(2), "match=0,next=2,bytes=1", "the no-op is on its way");
}

#[test]
fn nothing_is_sent_twice_that_is_not_lost() {
    let mut n1 = leader(4, 100);
    n1.is_asked('x');
    assert_eq!(to_n2(&n1.replicates()), ["AppendEntries prev=1@1 [2@1:x] commit=1"]);
    assert_eq!(to_n2(&n1.replicates()), [""; 0]);
    assert_eq!(n1.pace_of(2), "match=1,next=3,bytes=1");
}

#[test]
fn without_a_window_all_that_is_not_acknowledged_is_sent_again() {
    let mut n1 = node(1).leader_of(1);
    n1.hears("n2@1→n1 matched 1");
    n1.is_asked('x');
    for _ in 0..2 {
        assert_eq!(to_n2(&n1.replicates()), ["AppendEntries prev=1@1 [2@1:x] commit=1"]);
    }
    assert_eq!(n1.pace_of(2), "match=1,next=2");
}

#[test]
fn the_next_entries_do_not_wait_for_the_answer_to_the_last() {
    let mut n1 = leader(4, 100);
    let said = ['x', 'y', 'z'].map(|command| {
        n1.is_asked(command);
        to_n2(&n1.replicates()).remove(0)
    });
    assert_eq!(
        said,
        [
            "AppendEntries prev=1@1 [2@1:x] commit=1",
            "AppendEntries prev=2@1 [3@1:y] commit=1",
            "AppendEntries prev=3@1 [4@1:z] commit=1"
        ]
    );
    assert_eq!(n1.pace_of(2), "match=1,next=5,bytes=3");
}

#[test]
fn the_window_is_of_entries_and_of_bytes() {
    for (entries, bytes) in [(2, 100), (100, 2)] {
        let mut n1 = leader(entries, bytes);
        is_asked(&mut n1, "wxyz");
        assert_eq!(to_n2(&n1.replicates()), ["AppendEntries prev=1@1 [2@1:w 3@1:x] commit=1"]);
        assert_eq!(to_n2(&n1.replicates()), [""; 0], "{entries} entries and {bytes} bytes are on their way");
    }
}

#[test]
fn as_many_messages_as_the_window_allows_leave_at_once() {
    let mut n1 = leader(5, 100).with_entries_per_append(2);
    is_asked(&mut n1, "uvwxyz");
    assert_eq!(
        to_n2(&n1.replicates()),
        [
            "AppendEntries prev=1@1 [2@1:u 3@1:v] commit=1",
            "AppendEntries prev=3@1 [4@1:w 5@1:x] commit=1",
            "AppendEntries prev=5@1 [6@1:y] commit=1"
        ]
    );
}

#[test]
fn an_acknowledgement_frees_as_much_of_the_window_as_it_acknowledges() {
    for (entries, bytes) in [(3, 100), (100, 3)] {
        let mut n1 = leader(entries, bytes);
        is_asked(&mut n1, "vwxyz");
        n1.replicates();
        n1.hears("n2@1→n1 matched 3");
        assert_eq!(n1.pace_of(2), "match=3,next=5,bytes=1");
        assert_eq!(to_n2(&n1.replicates()), ["AppendEntries prev=4@1 [5@1:y 6@1:z] commit=3"]);
    }
}

#[test]
fn an_acknowledgement_that_comes_late_or_twice_frees_nothing() {
    let mut n1 = leader(4, 100);
    is_asked(&mut n1, "xyz");
    n1.replicates();
    n1.hears("n2@1→n1 matched 3");
    let known = n1.pace_of(2);
    for late in ["matched 3", "matched 2", "conflict at 3 hint=1@1"] {
        n1.hears(&format!("n2@1→n1 {late}"));
        assert_eq!(n1.pace_of(2), known, "{late}");
    }
}

#[test]
fn a_follower_may_acknowledge_more_than_it_was_sent() {
    let mut n1 = node(1).with_window(2, 100).with_log([1, 1, 1, 1]).leader_of(2);
    n1.hears("n2@2→n1 conflict at 4 hint=1@1");
    n1.hears("n2@2→n1 matched 1");
    n1.replicates();
    assert_eq!(n1.pace_of(2), "match=1,next=4,bytes=2");
    n1.hears("n2@2→n1 matched 4");
    assert_eq!(n1.pace_of(2), "match=4,next=5", "the answer to a question that was long on its way");
}

#[test]
fn a_heartbeat_carries_what_fits_and_asks_whether_all_before_has_arrived() {
    let mut n1 = leader(2, 100);
    is_asked(&mut n1, "xyz");
    assert_eq!(to_n2(&n1.heartbeats()), ["AppendEntries prev=1@1 [2@1:x 3@1:y] commit=1"]);
    assert_eq!(to_n2(&n1.heartbeats()), ["AppendEntries prev=3@1 [] commit=1"], "the window is full");
}

#[test]
fn a_heartbeat_finds_out_that_entries_were_lost() {
    let mut n1 = leader(4, 100);
    is_asked(&mut n1, "xy");
    n1.replicates(); // and is lost
    let question = n1.heartbeats().says()[0].clone();
    let mut n2 = node(2).with_log([1]).following(1);
    let answer = n2.hears(&question).says()[0].clone();
    assert_eq!(answer, "n2@1→n1 conflict at 3 hint=1@1");
    n1.hears(&answer);
    assert_eq!(n1.pace_of(2), "match=1,next=2", "nothing is on its way");
    assert_eq!(to_n2(&n1.replicates()), ["AppendEntries prev=1@1 [] commit=1"], "does it hold that still?");
    assert_eq!(n1.pace_of(2), "match=1,next=2,asked");
    n1.hears("n2@1→n1 matched 1");
    assert_eq!(to_n2(&n1.replicates()), ["AppendEntries prev=1@1 [2@1:x 3@1:y] commit=1"]);
}

/// One of three messages is lost, and both behind it are refused.
#[test]
fn what_was_lost_is_sent_again_once_however_many_refusals_tell_of_it() {
    let mut n1 = leader(4, 100).with_entries_per_append(1);
    is_asked(&mut n1, "xyz");
    let mut n2 = node(2).with_log([1]).following(1);
    let said = to_n2(&n1.replicates());
    let refusals = [1, 2].map(|behind| n2.hears(&format!("n1@1→n2 {}", said[behind])).says().remove(0));
    assert_eq!(refusals, ["n2@1→n1 conflict at 2 hint=1@1", "n2@1→n1 conflict at 3 hint=1@1"]);
    n1.hears(&refusals[0]);
    assert_eq!(to_n2(&n1.replicates()), ["AppendEntries prev=1@1 [] commit=1"], "a question, and no entry");
    n1.hears(&refusals[1]);
    assert_eq!(to_n2(&n1.replicates()), [""; 0], "it says nothing new");
    let answer = n2.hears("n1@1→n2 AppendEntries prev=1@1 [] commit=1").says().remove(0);
    assert_eq!(answer, "n2@1→n1 matched 1");
    n1.hears(&answer);
    assert_eq!(to_n2(&n1.replicates()), said);
    let known = n1.pace_of(2);
    n1.hears(&answer);
    assert_eq!((n1.pace_of(2), to_n2(&n1.replicates())), (known, vec![]), "the answer, again");
}

/// Refused before what precedes it had arrived; by now that has arrived, and is compacted.
#[test]
fn an_old_refusal_gives_no_snapshot_to_a_follower_that_has_all_that_was_compacted() {
    let mut n1 = node(1).with_window(4, 100).of(2).leader_of(1);
    n1.is_asked('x');
    let mut n2 = node(2).of(2);
    n1.heartbeats();
    let early = n2.hears("n1@1→n2 AppendEntries prev=2@1 [] commit=0").says().remove(0);
    assert_eq!(early, "n2@1→n1 conflict at 2 hint=0@0");
    n2.hears("n1@1→n2 AppendEntries prev=0@0 [1@1:-] commit=0");
    n1.hears("n2@1→n1 matched 1");
    n1.compacts("1@1/2#1", 1);
    assert_eq!(n1.pace_of(2), "match=1,next=3,bytes=1");
    n1.hears(&early);
    assert_eq!(n1.pace_of(2), "match=1,next=2", "it is asked");
    assert_eq!(to_n2(&n1.replicates()), ["AppendEntries prev=1@1 [] commit=1"]);
    n1.hears(&n2.hears("n1@1→n2 AppendEntries prev=1@1 [] commit=1").says()[0]);
    assert_eq!(to_n2(&n1.replicates()), ["AppendEntries prev=1@1 [2@1:x] commit=1"]);
}

#[test]
fn a_heartbeat_finds_out_that_an_acknowledgement_was_lost() {
    let mut n1 = leader(2, 100);
    is_asked(&mut n1, "xyz");
    let mut n2 = node(2).with_log([1]).following(1);
    n2.hears(&n1.replicates().says()[0]); // the answer is lost
    let answer = n2.hears(&n1.heartbeats().says()[0]).says()[0].clone();
    n1.hears(&answer);
    assert_eq!(n1.pace_of(2), "match=3,next=4");
    assert_eq!(to_n2(&n1.replicates()), ["AppendEntries prev=3@1 [4@1:z] commit=3"]);
}

#[test]
fn messages_that_change_places_cost_a_repetition() {
    let mut n1 = leader(4, 100);
    let mut n2 = node(2).with_log([1]).following(1);
    let [first, second] = ['x', 'y'].map(|command| {
        n1.is_asked(command);
        n1.replicates().says().remove(0)
    });
    let answers = [second, first].map(|message| n2.hears(&message).says().remove(0));
    assert_eq!(answers, ["n2@1→n1 conflict at 2 hint=1@1", "n2@1→n1 matched 2"]);
    for answer in answers {
        n1.hears(&answer);
    }
    assert_eq!(to_n2(&n1.replicates()), ["AppendEntries prev=2@1 [3@1:y] commit=2"]);
}

#[test]
fn a_snapshot_goes_chunk_by_chunk_each_when_the_last_is_answered() {
    let mut n1 = leader_with_a_snapshot();
    assert_eq!(n1.pace_of(2), "match=0,next=1,snapshot=0");
    assert_eq!(n1.replicates().says(), ["n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=4"]);
    assert_eq!(n1.pace_of(2), "match=0,next=1,snapshot=0,asked");
    assert_eq!(n1.replicates().says(), [""; 0]);
    n1.hears("n2@2→n1 snapshot 3@1/9#7 from=0 received=4");
    assert_eq!(n1.replicates().says(), ["n1@2→n2 InstallSnapshot 3@1/9#7 from=4 length=4"]);
}

/// A chunk may take longer than heartbeats lie apart.
#[test]
fn a_heartbeat_asks_how_much_of_a_chunk_on_its_way_has_arrived() {
    for is_lost in [false, true] {
        let mut n1 = leader_with_a_snapshot();
        let chunk = n1.replicates().says().remove(0);
        let questions = [(); 2].map(|()| n1.heartbeats().says().remove(0));
        assert_eq!(questions, ["n1@2→n2 InstallSnapshot 3@1/9#7 from=0 length=0"; 2], "and no second copy");
        let mut n2 = node(2).with_log([1]).in_term(2).following(1);
        let mut answers = Vec::new();
        let arriving = [chunk].into_iter().filter(|_| !is_lost).chain(questions);
        for message in arriving {
            answers.extend(n2.hears(&message).says());
        }
        let mut sent = Vec::new();
        for answer in answers {
            n1.hears(&answer);
            sent.extend(n1.replicates().says().into_iter().filter(|line| line.starts_with("n1@2→n2")));
        }
        let (from, times) = if is_lost { (0, 2) } else { (4, 1) };
        let next = format!("n1@2→n2 InstallSnapshot 3@1/9#7 from={from} length=4");
        assert_eq!(sent, vec![next; times], "lost: {is_lost}");
    }
}

#[test]
fn a_follower_that_has_installed_the_snapshot_is_fed() {
    let mut n1 = leader_with_a_snapshot();
    n1.hears("n2@2→n1 snapshot 3@1/9#7 from=0 received=9");
    assert_eq!(n1.replicates().says(), [""; 0]);
    n1.hears("n2@2→n1 matched 2");
    assert_eq!(n1.pace_of(2), "match=2,next=3,snapshot=9", "it lacks the third still");
    n1.hears("n2@2→n1 matched 3");
    assert_eq!(n1.pace_of(2), "match=3,next=4");
    assert_eq!(n1.replicates().says(), ["n1@2→n2 AppendEntries prev=3@1 [4@2:-] commit=3"]);
}

/// n3 is quick and n2 is not: its entries are compacted while they are on their way.
#[test]
fn what_is_compacted_on_its_way_is_taken_from_the_account() {
    for (through, known) in [(1, "bytes=2"), (2, "bytes=1"), (3, "")] {
        let mut n1 = leader(4, 100);
        is_asked(&mut n1, "xy");
        n1.hears("n3@1→n1 matched 1");
        n1.replicates();
        n1.hears("n3@1→n1 matched 3");
        n1.compacts("3@1/9#7", through);
        let known = if known.is_empty() { String::new() } else { format!(",{known}") };
        assert_eq!(n1.pace_of(2), format!("match=1,next=4{known}"), "through {through}");
        n1.hears("n2@1→n1 matched 3");
        assert_eq!(n1.pace_of(2), "match=3,next=4", "through {through}");
    }
}

#[test]
fn what_is_compacted_and_lost_on_its_way_comes_with_a_snapshot() {
    let mut n1 = leader(4, 100);
    is_asked(&mut n1, "xy");
    n1.hears("n3@1→n1 matched 1");
    n1.replicates();
    n1.hears("n3@1→n1 matched 3");
    n1.compacts("3@1/9#7", 3);
    assert_eq!(to_n2(&n1.heartbeats()), ["AppendEntries prev=3@1 [] commit=3"], "it may have arrived");
    n1.hears("n2@1→n1 conflict at 3 hint=1@1");
    assert_eq!(n1.pace_of(2), "match=1,next=2,snapshot=0");
    assert_eq!(to_n2(&n1.replicates()), ["InstallSnapshot 3@1/9#7 from=0 length=9"]);
}

/// A recording in which `h` weighs 10 bytes and everything else one.
#[derive(Default)]
struct Scales(Recording<Command>);

impl Sink<Command> for Scales {
    fn send(&mut self, release: Release, envelope: Envelope<&[Entry<Command>]>) {
        self.0.send(release, envelope);
    }

    fn write(&mut self, write: Write<&[Entry<Command>]>) {
        self.0.write(write);
    }

    fn answer(&mut self, answer: Answer) {
        self.0.answer(answer);
    }

    fn fault(&mut self, fault: PeerFault) {
        self.0.fault(fault);
    }

    fn stage(&mut self, chunk: Chunk) {
        self.0.stage(chunk);
    }

    fn weight(&self, entry: &Entry<Command>) -> usize {
        if entry.payload == Payload::Command(Command('h')) { 10 } else { 1 }
    }
}

#[test]
fn an_entry_that_is_heavier_than_the_window_goes_alone() {
    let window = Window { entries: NonZeroUsize::MAX, bytes: NonZeroUsize::new(5).unwrap() };
    let config = Config::new(NodeSet::first(3)).unwrap().with_window(Some(window));
    let mut n1 = leader(100, 5).node;
    let mut says = |input: Input<Command>| {
        let mut fx = Effects::new(Scales::default());
        n1.step(&config, input, &mut fx);
        to_n2(&Reaction(Effects::new(fx.sink.0)))
    };
    for command in ['x', 'h', 'y'] {
        says(Input::Propose(Command(command)));
    }
    assert_eq!(says(Input::Replicate), ["AppendEntries prev=1@1 [2@1:x] commit=1"]);
    says(Input::Receive(read("n2@1→n1 matched 2")));
    assert_eq!(says(Input::Replicate), ["AppendEntries prev=2@1 [3@1:h] commit=1"]);
    assert_eq!(says(Input::Replicate), [""; 0], "nothing goes with it");
    says(Input::Receive(read("n2@1→n1 matched 3")));
    assert_eq!(says(Input::Replicate), ["AppendEntries prev=3@1 [4@1:y] commit=1"]);
}
