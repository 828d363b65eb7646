//! Three nodes in one process, a partition, and what becomes of the entry that one side could not commit:
//! `cargo run --example story`.

use seaworthy::{Builder, Index, Network, NodeId, NodeSet, Raft, StateMachine};
use std::error::Error;

/// A list of words.
#[derive(Default)]
struct Words(Vec<String>);

impl StateMachine for Words {
    type Command = String;
    type Response = usize;

    fn apply(&mut self, _: Index, word: String) -> usize {
        self.0.push(word);
        self.0.len()
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let words = self.0.clone();
        move |out| out.extend(postcard::to_stdvec(&words).unwrap_or_default())
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0 = postcard::from_bytes(snapshot)?;
        Ok(())
    }
}

type Nodes = Vec<Raft<Words>>;

fn node(nodes: &Nodes, id: NodeId) -> &Raft<Words> {
    &nodes[usize::from(id.get()) - 1]
}

/// The leader that a node knows, once it knows one that is among some.
fn leader(nodes: &Nodes, seen_by: NodeId, among: NodeSet) -> Result<NodeId, Box<dyn Error>> {
    let mut leadership = node(nodes, seen_by).leadership();
    loop {
        let leader = leadership.wait()?;
        if let Some(id) = leader.id.filter(|id| among.contains(*id)) {
            println!("   node {} leads in term {}", id.get(), leader.term.0);
            return Ok(id);
        }
    }
}

fn show(nodes: &Nodes) -> Result<(), Box<dyn Error>> {
    for raft in nodes {
        let (status, words) = (raft.status(), raft.read_stale(|words| words.0.join(" ")).wait()?);
        let (id, last, committed) = (status.id.get(), status.last.index.0, status.committed.0);
        println!("   node {id}: log up to {last}, committed up to {committed}, applied: \"{words}\"");
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (network, voters) = (Network::default(), NodeSet::first(3));
    let start = |id| Builder::new(1, id, voters, &network).start(Words::default());
    let nodes: Nodes = voters.iter().map(start).collect::<Result<_, _>>()?;
    let first = NodeId::new(1).ok_or("node 1 is a node")?;

    println!("1. Three nodes elect a leader.");
    let old = leader(&nodes, first, voters)?;
    println!("2. It is told a word, and a majority keeps it.");
    println!("   answer: {:?}", node(&nodes, old).propose(&"once".to_owned()).wait());

    println!("3. Node {} is cut off, and told another word. It cannot know what becomes of it.", old.get());
    network.isolate(old);
    let lost = node(&nodes, old).propose(&"LOST".to_owned());

    println!("4. The others elect a leader of their own.");
    let rest = voters.without(old);
    let witness = rest.iter().next().ok_or("two are left")?;
    let new = leader(&nodes, witness, rest)?;
    println!("   answer: {:?}", node(&nodes, new).propose(&"upon".to_owned()).wait());
    println!("5. The old leader has heard no majority, and steps down. What it says of its word:");
    println!("   answer: {:?}", lost.wait());
    show(&nodes)?;

    println!("6. The cut is healed. The old leader's entry gives way to what was committed without it.");
    network.heal();
    println!("   answer: {:?}", node(&nodes, new).propose(&"a time".to_owned()).wait());
    let goal = node(&nodes, new).status().applied;
    for raft in &nodes {
        raft.wait_for_applied(goal).wait()?;
    }
    show(&nodes)
}
