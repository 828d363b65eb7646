//! A durable key-value store on three nodes: `cargo run --example kv`, several times.

use seaworthy::{Builder, Index, Network, NodeSet, ProposeError, StateMachine, init};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;

#[derive(Serialize, Deserialize)]
struct Put {
    key: String,
    value: String,
}

#[derive(Default)]
struct Store(BTreeMap<String, String>);

impl StateMachine for Store {
    type Command = Put;
    type Response = Option<String>;

    fn apply(&mut self, _: Index, put: Put) -> Option<String> {
        self.0.insert(put.key, put.value)
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let map = self.0.clone();
        move |out| out.extend(postcard::to_stdvec(&map).unwrap_or_default())
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0 = postcard::from_bytes(snapshot)?;
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (network, voters, mut nodes) = (Network::default(), NodeSet::first(3), Vec::new());
    for id in voters.iter() {
        let directory = std::env::temp_dir().join(format!("seaworthy-kv/{}", id.get()));
        if !directory.exists() {
            init(&directory, 0x5ea, id)?; // Once in the life of a node.
        }
        nodes.push(Builder::new(0x5ea, id, voters, &network).directory(directory).start(Store::default())?);
    }
    let put = Put { key: "answer".to_owned(), value: format!("found by process {}", std::process::id()) };
    let mut asked = 0;
    let before = loop {
        match nodes[asked].propose(&put).wait() {
            Ok(before) => break before,
            Err(ProposeError::NotLeader { leader: Some(leader) }) => asked = usize::from(leader.get()) - 1,
            Err(_) => std::thread::yield_now(), // No leader yet. A put may be repeated.
        }
    };
    let now = nodes[2].read(|store| store.0.get("answer").cloned()).wait()?;
    println!("before: {before:?}\nnow: {now:?}, read at node 3");
    Ok(())
}
