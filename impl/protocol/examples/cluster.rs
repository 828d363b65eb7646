//! Three nodes in one process, driven by hand: elect, propose, agree.

use seaworthy_protocol::{Config, Durable, Effects, Envelope, Input, Node, NodeId, NodeSet, Recording};
use std::collections::VecDeque;

type Command = &'static str;
type Message = Envelope<Vec<seaworthy_protocol::Entry<Command>>>;

/// Feeds one input and carries out its effects by the driver's contract.
fn feed(config: &Config, node: &mut Node<Command>, input: Input<Command>, network: &mut VecDeque<Message>) {
    let mut fx = Effects::new(Recording::default());
    node.step(config, input, &mut fx);
    assert_eq!(fx.violation, None, "rule 0: a node that breaks an invariant stops");
    network.extend(fx.sink.now); // rule 1
    // Rule 2: a real driver makes `fx.sink.writes` durable here, in order. These disks are perfect.
    network.extend(fx.sink.after_writes); // rule 3
    if let Some(ack) = fx.ack {
        feed(config, node, Input::WritesDurable(ack), network); // rule 4
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let voters = NodeSet::first(3);
    let config = Config::new(voters)?;
    let mut nodes: Vec<_> = voters.iter().map(|id| Node::restart(id, Durable::default())).collect();
    let mut network = VecDeque::new();

    // A driver has timers; here n1's fires first, then it gets a command, and its heartbeat tells the others that it is committed.
    let script =
        [Input::ElectionTimeout, Input::Propose("set sail"), Input::Replicate, Input::HeartbeatTimeout];
    for input in script {
        println!("n1 {input}");
        feed(&config, &mut nodes[0], input, &mut network);
        while let Some(message) = network.pop_front() {
            println!("   {}", seaworthy_protocol::notation::show::<_, Command>(&message));
            let receiver: NodeId = message.to;
            let node = &mut nodes[usize::from(receiver.get()) - 1];
            feed(&config, node, Input::Receive(message), &mut network);
        }
    }
    for node in &nodes {
        println!("{node}");
    }
    assert!(nodes.iter().all(|node| node.log().prefix(node.commit_index()).len() == 2));
    Ok(())
}
