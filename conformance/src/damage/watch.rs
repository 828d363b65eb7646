//! What comes of a node that is started on a damaged directory, as one sees it from outside.

use super::table::Seen;
use crate::kill::{Answer, Cluster, Outcome, PATIENCE, Request};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// What a node that is refused says of each peer that refuses it.
const REFUSED: &str = "the peer refused the connection: the node that dialled has not the identity";

/// How many bytes each node has said so far.
#[derive(Clone, Debug)]
pub(super) struct Marks(Vec<u64>);

impl Marks {
    pub(super) fn now(cluster: &Cluster) -> Self {
        let length = |place| fs::metadata(cluster.log_of(place)).map_or(0, |log| log.len());
        Self((0..cluster.nodes()).map(length).collect())
    }

    /// What a node has said since.
    pub(super) fn since(&self, cluster: &Cluster, place: usize) -> Outcome<String> {
        let said = fs::read(cluster.log_of(place))?;
        let mark = usize::try_from(self.0[place])?;
        Ok(String::from_utf8_lossy(said.get(mark..).unwrap_or_default()).into_owned())
    }
}

/// Watches until it is clear what has become of a node. `judges` are those peers whose judgement counts.
pub(super) fn watch(cluster: &Cluster, place: usize, judges: &[usize], marks: &Marks) -> Outcome<Seen> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if cluster.has_ended(place)? {
            return Ok(Seen::Refused);
        }
        if reads(cluster, place, Duration::from_millis(100))? {
            return Ok(Seen::In);
        }
        let said = marks.since(cluster, place)?;
        let refuses = |judge: &usize| {
            let peer = format!("peer={} ", judge + 1);
            said.lines().any(|line| line.contains(REFUSED) && line.contains(&peer))
        };
        if judges.iter().all(refuses) && judges.iter().all(|judge| tells(cluster, *judge, place, marks)) {
            return Ok(Seen::ByPeers);
        }
        cluster.faults.check()?;
        thread::sleep(Duration::from_millis(5));
    }
    let said = marks.since(cluster, place)?;
    Err(format!("nothing has become of node {} in half a minute; it has said:\n{said}", place + 1).into())
}

/// Does a peer tell whoever runs it why it does not listen to a node?
fn tells(cluster: &Cluster, judge: usize, place: usize, marks: &Marks) -> bool {
    let told = ["came with data directory", "has started"].map(|why| format!("node {} {why}", place + 1));
    marks.since(cluster, judge).is_ok_and(|said| told.iter().any(|why| said.contains(why)))
}

/// Can it be read? Then it has been heard by a leader.
pub(super) fn reads(cluster: &Cluster, place: usize, patience: Duration) -> Outcome<bool> {
    Ok(matches!(cluster.ask(place, Request::Everything, patience)?, Ok(Answer::Everything(_))))
}
