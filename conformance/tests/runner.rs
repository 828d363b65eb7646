//! The runner can fail: wrong outcomes, mistakes in scripts, and drivers that breach their contract are noticed.

use seaworthy_conformance::golden::{Failure, Golden, run_file};
use seaworthy_conformance::judge::Breach;
use seaworthy_conformance::memory::Memory;
use seaworthy_conformance::scenario::{Scenario, Setup};
use seaworthy_conformance::stage::{self, Run};
use seaworthy_conformance::subject::{Effect, Event, Subject};
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::{Answer, Durable, Index, Node, NodeId};
use std::fs;
use std::path::{Path, PathBuf};

const HEADER: &str = "# A rule.\n# Source: §5\n";

fn scenario(script: &str) -> Scenario {
    Scenario::parse(&format!("{HEADER}{script}")).unwrap_or_else(|mistake| panic!("{mistake}"))
}

fn run(script: &str) -> Run {
    let scenario = scenario(script);
    stage::run(&scenario, Memory::new(&scenario.setup))
}

/// A file of this content, under the target directory.
fn file(name: &str, content: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path
}

const WRONG: &str = "# One node leads.
# Source: §5.2
cluster 1

# Here it begins.
n1 election timeout
    n1@1 leader vote=n1 log=[1@1:-] commit=1 timer reset
n1 propose 7
    n1@1 log=[1@1:- 2@1:7] commit=1
    n1 answers: appended 2@1
";

#[test]
fn a_wrong_outcome_is_reported_with_file_line_and_difference() {
    let path = file("wrong.scenario", WRONG);
    let failure = run_file(&path, Golden::Compare, Memory::new).unwrap_err().to_string();
    assert!(failure.starts_with(&format!("{}:8: something else", path.display())), "{failure}");
    assert!(failure.contains("\n-    n1@1 log=[1@1:- 2@1:7] commit=1\n"), "{failure}");
    assert!(failure.contains("\n+    n1@1 log=[1@1:- 2@1:7] commit=2\n"), "{failure}");
    assert_eq!(fs::read_to_string(&path).unwrap(), WRONG, "to compare changes no file");
}

#[test]
fn an_update_writes_outcomes_and_nothing_else() {
    let path = file("update.scenario", WRONG);
    run_file(&path, Golden::Update, Memory::new).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), WRONG.replace("7] commit=1", "7] commit=2"));
    run_file(&path, Golden::Compare, Memory::new).unwrap();
}

#[test]
fn a_missing_and_a_superfluous_outcome_are_wrong_too() {
    let bare = WRONG.replace("    n1 answers: appended 2@1\n", "").replace("commit=1\n", "commit=2\n");
    let path = file("missing.scenario", &bare);
    assert!(matches!(run_file(&path, Golden::Compare, Memory::new), Err(Failure::Differs { line: 8, .. })));
    let right = WRONG.replace("7] commit=1", "7] commit=2");
    let path = file("superfluous.scenario", &format!("{right}    n1 celebrates\n"));
    assert!(matches!(run_file(&path, Golden::Compare, Memory::new), Err(Failure::Differs { line: 8, .. })));
}

#[test]
fn mistakes_name_the_line_and_the_choices() {
    for (script, wanted) in [
        (
            "cluster 3\n\nn1 elects itself\n",
            "line 5: \"n1 elects itself\" is no command; commands are: N election",
        ),
        ("cluster 3\nn4 heartbeat\n", "line 4: \"n4 heartbeat\" names n4, which is not in the cluster"),
        ("cluster 3\nn1 propose much\n", "\"much\" is not a number from 0 to 255"),
        ("cluster 3\ndeliver n1@1→n2 RequestVoet\n", "is not a message: RequestVote last=ID | vote granted"),
        ("cluster 3\ndeliver n1@1 n2\n", "is not sender, term and receiver of a message, as n1@2→n3"),
        ("cluster 3\npartition n1 | x\n", "\"x\" is not a node, as n1"),
        ("cluster none\n", "should be \"cluster COUNT\""),
        (
            "cluster 3 pre-veto\n",
            "perhaps with max-entries LIMIT, pre-vote, check-quorum, window ENTRIES, window-bytes BYTES, chunk BYTES",
        ),
        ("cluster 3 window\n", "should be \"cluster COUNT\""),
        ("cluster 3 window 0\n", "should be \"cluster COUNT\""),
        ("cluster 0\n", "of 1 to 64 nodes"),
        ("cluster 3\nn1 transfer to n4\n", "names n4, which is not in the cluster"),
        ("cluster 3\nn1 cannot write, heir n4\n", "names n4, which is not in the cluster"),
        ("cluster 3\nn1 read 5\n", "\"5\" is not a read, as r5"),
        ("cluster 3\nn1 compact 3@1 through 3\n", "\"3@1\" is not a snapshot, as 3@1/9#7"),
        ("cluster 3\nn1 disk term=1 base=1@1 log=[2@1:7]\n", "perhaps with snapshot=3@1/9#7 and base=2@1"),
        ("n1 heartbeat\n", "comes before \"cluster COUNT\""),
        (
            "cluster 3\n    n1@1 leader\n",
            "line 4: \"    n1@1 leader\" is an outcome, and no command stands above it",
        ),
        ("cluster 3\nn1 heartbeat\nn1 disk term=1 log=[]\n", "comes after the first command"),
        ("cluster 3\nn1 disk term=1 log=[2@1:-]\n", "is not consecutive entries, as [3@1:- 4@2:7]"),
    ] {
        let mistake = Scenario::parse(&format!("{HEADER}{script}")).unwrap_err().to_string();
        assert!(mistake.contains(wanted), "{script}: {mistake}");
    }
    for header in [
        "",
        "# A rule without a source.\n",
        "# Source: a source without a rule\n",
        "# 1\n# 2\n# 3\n# Source: 4\n",
    ] {
        let mistake = Scenario::parse(&format!("{header}cluster 1\n")).unwrap_err().to_string();
        assert!(mistake.contains("then \"# Source: …\""), "{mistake}");
    }
    let path = file("mistake.scenario", &format!("{HEADER}cluster 1\nn1 sleeps\n"));
    let failure = run_file(&path, Golden::Compare, Memory::new).unwrap_err().to_string();
    assert!(failure.starts_with(&format!("{}:4: \"n1 sleeps\" is no command", path.display())), "{failure}");
}

#[test]
fn the_network_never_forgets() {
    let run = run("cluster 2
n1 election timeout
drop n1→n2
deliver n1→n2
deliver n1@1→n2 RequestVote last=0@0
deliver n1@1→n2 RequestVote last=0@0
deliver n1@2→n2 RequestVote last=0@0
drop n1@1→n2 RequestVote last=0@0
");
    let grant = |line: &str| vec![line.to_owned(), "n2@1→n1 vote granted".to_owned()];
    assert_eq!(run.outcomes[1], ["n1@1→n2 RequestVote last=0@0 (lost)"]);
    assert_eq!(run.outcomes[2], ["nothing in flight"]);
    assert_eq!(run.outcomes[3], grant("n2@1 follower vote=n1 timer reset"), "what was lost arrives late");
    assert_eq!(run.outcomes[4], grant("n2@1 timer reset"), "and once more");
    assert_eq!(run.outcomes[5], ["never sent"]);
    assert_eq!(run.outcomes[6], ["nothing in flight"], "what is not on its way cannot be lost");
}

#[test]
fn a_partition_loses_what_crosses_it_until_it_heals() {
    let run = run("cluster 3
n1 election timeout
partition n1 n2
n3 election timeout
deliver all
heal
n3 election timeout
deliver all
");
    assert_eq!(run.outcomes[1], ["n1@1→n3 RequestVote last=0@0 (lost)"], "n3 is on a side of its own");
    assert!(run.outcomes[2].iter().filter(|line| line.ends_with(" (lost)")).count() == 2);
    assert!(run.outcomes[3][0].starts_with("n1@1 leader "));
    assert!(run.outcomes[6].iter().any(|line| line.starts_with("n1@2 follower")), "{:?}", run.outcomes[6]);
}

#[test]
fn a_disk_that_stops_waiting_does_what_it_has_to_do() {
    let run = run("cluster 2
disks wait
n1 election timeout
n1 disk at once
");
    assert!(run.outcomes[1].contains(&"waiting n1@1→n2 RequestVote last=0@0".to_owned()));
    let told = ["n1@1 votes={n1} confirmed", "n1 disk term=1 vote=n1 log=[]", "n1@1→n2 RequestVote last=0@0"];
    assert_eq!(run.outcomes[2], told);
}

/// Disks that contradict each other are no state of Raft, and are judged like any other.
#[test]
fn a_cluster_that_begins_broken_is_noticed() {
    for (disks, violation) in [
        ("n1 disk term=1 log=[1@1:1]\nn2 disk term=1 log=[1@1:2]\n", Violation::LogMatching),
        ("n1 disk term=1 log=[1@2:1]\n", Violation::LogShape),
        ("n1 disk term=1 snapshot=1@1/1#1 log=[]\n", Violation::CommittedOnQuorum),
        (
            "n1 disk term=2 snapshot=1@1/1#1 log=[]\nn2 disk term=2 snapshot=1@2/1#1 log=[]\n",
            Violation::StateMachineSafety,
        ),
    ] {
        let run = run(&format!("cluster 2\n{disks}n1 heartbeat\n"));
        assert_eq!(run.breach, Some((0, Breach::Property(violation))));
    }
}

/// A driver that breaches the contract in one way.
struct Careless {
    setup: Setup,
    memory: Memory,
    breach: Carelessness,
}

#[derive(Clone, Copy, Debug)]
enum Carelessness {
    SendsBeforeTheDisk,
    ForgetsTheVote,
    ForgetsTheTerm,
    ForgetsTheLog,
    FeedsProposalsTwice,
    DisownsProposals,
    AnswersReadsAtOnce,
    SpoilsSnapshots,
    Stops,
}

impl Careless {
    fn new(setup: &Setup, breach: Carelessness) -> Self {
        Self { setup: setup.clone(), memory: Memory::new(setup), breach }
    }

    /// What is left on a node's disk after a crash, in the notation.
    fn remains(&self, node: NodeId) -> String {
        let disk = self.memory.disk(node);
        let text = disk.to_string();
        let (head, log) = text.split_once(" log=").unwrap();
        let term = disk.current_term();
        match self.breach {
            Carelessness::ForgetsTheVote => format!("term={term} log={log}"),
            Carelessness::ForgetsTheTerm => format!("term=0 log={log}"),
            Carelessness::ForgetsTheLog => format!("{head} log=[]"),
            Carelessness::SendsBeforeTheDisk
            | Carelessness::FeedsProposalsTwice
            | Carelessness::DisownsProposals
            | Carelessness::AnswersReadsAtOnce
            | Carelessness::SpoilsSnapshots
            | Carelessness::Stops => disk.to_string(),
        }
    }

    /// All nodes begin anew, the crashed one with what remains. Scripts here end soon after.
    fn crash(&mut self, crashed: NodeId) {
        let line = |node: NodeId| {
            let disk = if node == crashed { self.remains(node) } else { self.memory.disk(node).to_string() };
            format!("{node} disk {disk}\n")
        };
        let nodes = self.setup.nodes();
        let disks: String = nodes.iter().map(line).collect();
        self.memory = Memory::new(&scenario(&format!("cluster {}\n{disks}", nodes.len())).setup);
    }
}

impl Subject for Careless {
    fn happen(&mut self, node: NodeId, event: Event) -> Vec<Effect> {
        match (self.breach, event) {
            (Carelessness::Stops, _) => vec![Effect::Stops(Violation::CommitMonotonic)],
            (Carelessness::FeedsProposalsTwice, Event::Propose(command)) => {
                self.memory.happen(node, Event::Propose(command));
                self.memory.happen(node, Event::Propose(command))
            }
            (Carelessness::DisownsProposals, Event::Propose(command)) => {
                self.memory.happen(node, Event::Propose(command));
                vec![Effect::Answers(Answer::NotLeader { leader: None })]
            }
            (Carelessness::AnswersReadsAtOnce, Event::Read(read)) => {
                vec![Effect::Answers(Answer::Readable { read, index: Index(0) })]
            }
            (Carelessness::SpoilsSnapshots, Event::Compact { snapshot, .. }) => {
                vec![Effect::Spoils(snapshot)]
            }
            (_, Event::Crash { .. }) => {
                self.crash(node);
                Vec::new()
            }
            (Carelessness::SendsBeforeTheDisk, event) => {
                let early = |effect| match effect {
                    Effect::Holds(envelope) => Effect::Sends(envelope),
                    Effect::Waits(_)
                    | Effect::Sends(_)
                    | Effect::Stages(_)
                    | Effect::Spoils(_)
                    | Effect::Answers(_)
                    | Effect::ResetsTimer
                    | Effect::Blames(_)
                    | Effect::Stops(_) => effect,
                };
                self.memory.happen(node, event).into_iter().map(early).collect()
            }
            (_, event) => self.memory.happen(node, event),
        }
    }

    fn node(&self, node: NodeId) -> Node<u8> {
        self.memory.node(node)
    }

    fn disk(&self, node: NodeId) -> Durable<u8> {
        self.memory.disk(node)
    }

    fn is_disk_busy(&self, node: NodeId) -> bool {
        self.memory.is_disk_busy(node)
    }

    fn has_staged(&self, node: NodeId) -> bool {
        self.memory.has_staged(node)
    }
}

/// The scripts are those of the correct protocol, which they leave unharmed.
#[test]
fn a_careless_driver_is_noticed_by_the_scenario_of_the_rule_that_it_breaks() {
    for (name, breach, violation) in [
        (
            "crash/vote-request-waits-for-the-disk",
            Carelessness::SendsBeforeTheDisk,
            Violation::PersistBeforeSend,
        ),
        (
            "crash/acknowledgement-waits-for-the-disk",
            Carelessness::SendsBeforeTheDisk,
            Violation::PersistBeforeSend,
        ),
        ("crash/restart-keeps-the-vote", Carelessness::ForgetsTheVote, Violation::VoteStable),
        ("crash/restart-keeps-the-vote", Carelessness::ForgetsTheTerm, Violation::TermMonotonic),
        ("crash/restart-keeps-the-log", Carelessness::ForgetsTheLog, Violation::CommittedOnQuorum),
        ("replication/many-proposals-one-message", Carelessness::FeedsProposalsTwice, Violation::Refinement),
        ("replication/many-proposals-one-message", Carelessness::DisownsProposals, Violation::TrueOutcomes),
        ("reads/leader-reads-after-a-round", Carelessness::AnswersReadsAtOnce, Violation::LinearizableReads),
        ("election/majority-elects", Carelessness::Stops, Violation::CommitMonotonic),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{name}.scenario"));
        let careless = |setup: &Setup| Careless::new(setup, breach);
        for golden in [Golden::Compare, Golden::Update] {
            let failure = run_file(&path, golden, careless).unwrap_err();
            assert!(
                matches!(&failure, Failure::Breached { breach: Breach::Property(broken), .. } if *broken == violation),
                "{breach:?}: {failure}"
            );
            assert!(failure.to_string().contains(violation.name()), "{failure}");
        }
        run_file(&path, Golden::Compare, Memory::new).unwrap();
    }
}

#[test]
fn mixed_chunks_are_noticed() {
    let scenario = scenario("cluster 1\nn1 election timeout\nn1 compact 1@1/1#1 through 1\n");
    let run = stage::run(&scenario, Careless::new(&scenario.setup, Carelessness::SpoilsSnapshots));
    let node = NodeId::new(1).unwrap();
    assert_eq!(run.breach, Some((1, Breach::MixedSnapshot(node))));
    assert_eq!(run.outcomes[1], ["n1 finds snapshot 1@1/1#1 damaged"]);
}
