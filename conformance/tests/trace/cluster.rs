//! Three nodes in this process, with a disk each, recorded: one of them, and then all, stop and start again.

use seaworthy::{Builder, Compaction, Index, Network, NodeId, NodeSet, Raft, Raw, StateMachine, init};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;

/// The commands that it was told.
#[derive(Default)]
struct Told(Vec<u8>);

impl StateMachine for Told {
    type Command = Raw<Arc<[u8]>>;
    type Response = usize;

    fn apply(&mut self, _: Index, Raw(command): Raw<Arc<[u8]>>) -> usize {
        self.0.extend_from_slice(&command);
        self.0.len()
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let told = self.0.clone();
        move |out| out.extend(told)
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0 = snapshot.to_vec();
        Ok(())
    }
}

/// Files of traces, by name: lines each.
pub(crate) type Files = BTreeMap<String, Vec<String>>;

struct Cluster<'a> {
    directory: &'a Path,
    network: Network,
}

impl Cluster<'_> {
    fn start(&self, id: NodeId) -> Raft<Told> {
        Builder::new(7, id, NodeSet::first(3), &self.network)
            .directory(self.directory.join(id.get().to_string()))
            .compaction(Compaction { every: 20, keep: 5, keep_for_slow: 20 })
            .trace(self.directory.join("traces"))
            .start(Told::default())
            .unwrap()
    }
}

/// Proposes commands until this node, or whoever it names, has taken them all.
fn propose(nodes: &[Raft<Told>], commands: std::ops::Range<u8>) {
    for command in commands {
        let mut asked = 0;
        // One that is not taken may be taken later, and then it is there twice: no two bytes are the same anyway.
        while nodes[asked % nodes.len()].propose(&Raw(Arc::from([command, 0xa5]))).wait().is_err() {
            asked += 1;
        }
    }
}

fn record() -> Files {
    let (directory, network) = (TempDir::new().unwrap(), Network::default());
    let cluster = Cluster { directory: directory.path(), network };
    let ids: Vec<NodeId> = NodeSet::first(3).iter().collect();
    for id in &ids {
        init(&directory.path().join(id.get().to_string()), 7, *id).unwrap();
    }
    let mut nodes: Vec<Raft<Told>> = ids.iter().map(|id| cluster.start(*id)).collect();
    propose(&nodes, 0..15);
    // Without the first node, until what it lacks is in a snapshot.
    nodes.remove(0).shutdown().unwrap();
    propose(&nodes, 15..70);
    nodes.insert(0, cluster.start(ids[0]));
    propose(&nodes, 70..80);
    for node in &nodes {
        node.read(|told| told.0.len()).wait().unwrap();
    }
    nodes.into_iter().for_each(|node| node.shutdown().unwrap());
    let nodes: Vec<Raft<Told>> = ids.iter().map(|id| cluster.start(*id)).collect();
    propose(&nodes, 80..90);
    for node in &nodes {
        node.read(|told| told.0.len()).wait().unwrap();
    }
    nodes.into_iter().for_each(|node| node.shutdown().unwrap());
    read(&directory.path().join("traces"))
}

fn read(directory: &Path) -> Files {
    let file = |entry: fs::DirEntry| {
        let lines = fs::read_to_string(entry.path()).unwrap().lines().map(str::to_owned).collect();
        (entry.file_name().into_string().unwrap(), lines)
    };
    fs::read_dir(directory).unwrap().map(|entry| file(entry.unwrap())).collect()
}

/// What such a cluster has recorded. The same for all tests: only what they do to it differs.
pub(crate) fn recorded() -> Files {
    static RECORDED: OnceLock<Files> = OnceLock::new();
    RECORDED.get_or_init(record).clone()
}

/// Files in a directory of their own.
pub(crate) fn written(files: &Files) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (name, lines) in files {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}
