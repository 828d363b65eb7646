//! The one way in which an entry is lost that was acknowledged, though a majority of the disks is intact; and how near it must be to that.
//!
//! Of three nodes one is away. An entry is acknowledged: the leader has it, and one follower, as the last that it wrote. Both are stopped.
//! The follower's last batch is damaged, which nothing tells from one that a crash had torn. The follower and the one that was away are
//! started, and make a majority that has never heard of the entry. Two disks of three are intact, but of those only the leader's has it.

use super::copy;
use super::due::Told;
use super::part;
use super::records::records;
use super::watch::Marks;
use crate::history::Recorder;
use crate::kill::{Clients, Cluster, NodeSettings, Outcome, PATIENCE};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// What is done to the follower's directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Damage {
    Nothing,
    /// To the batch with the entry, which is the last.
    LastBatch,
    /// To the batch with the entry, and another one was written behind it.
    LastButOne,
    /// As to the last, but the leader and the one that was away go on before the follower comes back.
    LastBatchLater,
}

/// What became of the entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Kept,
    Lost,
    /// The follower did not start, so that there was no majority without the leader; with it, nothing was lost.
    Refused,
}

/// Shows all of it. What it says holds, or there is an error.
pub(super) fn show(directory: &Path, settings: NodeSettings) -> Outcome<String> {
    // One log without a compaction.
    let settings = NodeSettings { snapshot_every: 1 << 40, ..settings };
    let cases = [
        (Damage::Nothing, Fate::Kept),
        (Damage::LastBatch, Fate::Lost),
        (Damage::LastButOne, Fate::Refused),
        (Damage::LastBatchLater, Fate::Kept),
    ];
    for (damage, due) in cases {
        let directory = directory.join(format!("{damage:?}"));
        fs::create_dir_all(&directory)?;
        let fate = Play::begin(&directory, settings)?.play(damage)?;
        if fate != due {
            return Err(format!("{damage:?}: {due:?} was to come of it, and {fate:?} did").into());
        }
    }
    Ok("an entry whose last copy but one was the last batch of a damaged disk: lost; with one more batch behind it, or once the others \
        have gone on: not"
        .to_owned())
}

struct Play {
    clients: Clients,
    leader: usize,
    follower: usize,
    away: usize,
}

impl Play {
    /// Three nodes, of which one is away.
    fn begin(directory: &Path, settings: NodeSettings) -> Outcome<Self> {
        let recorder = Recorder::create(&directory.join("history.jsonl"))?;
        let cluster = Cluster::start(directory, 3, settings, None)?;
        let clients = Clients::new(cluster, recorder, 1, 1);
        (0..3).try_for_each(|_| clients.client().write())?;
        let leader = clients.cluster.leader()?;
        let (follower, away) = ((leader + 1) % 3, (leader + 2) % 3);
        clients.cluster.everything_of(follower)?;
        clients.cluster.everything_of(away)?;
        clients.cluster.kill(away)?;
        Ok(Self { clients, leader, follower, away })
    }

    fn play(&self, damage: Damage) -> Outcome<Fate> {
        let cluster = &self.clients.cluster;
        let entry = self.write()?;
        if damage == Damage::LastButOne {
            self.write()?;
        }
        if cluster.leader()? != self.leader {
            return Err("the leadership has changed: beside too much other work nothing can be shown".into());
        }
        cluster.kill(self.follower)?;
        cluster.kill(self.leader)?;
        let bad = self.harm(damage)?;
        if damage == Damage::LastBatchLater {
            cluster.launch(self.leader)?;
            cluster.launch(self.away)?;
            self.write()?;
            cluster.kill(self.leader)?;
        } else {
            cluster.launch(self.away)?;
        }
        let marks = Marks::now(cluster);
        cluster.launch_in_doubt(self.follower)?;
        if damage == Damage::LastButOne {
            return self.refused(entry, bad, &marks);
        }
        self.write()?;
        cluster.may_end(self.follower, false);
        cluster.launch(self.leader)?;
        self.fate(entry)
    }

    /// Writes, and answers what was acknowledged.
    fn write(&self) -> Outcome<i64> {
        let before = self.clients.cluster.progress.so_far().acknowledged;
        self.clients.client().write()?;
        let after = self.clients.cluster.progress.so_far().acknowledged;
        after.difference(&before).next().copied().ok_or_else(|| "nothing was acknowledged".into())
    }

    /// Turns a bit in the record with the entry. Where that begins?
    fn harm(&self, damage: Damage) -> Outcome<usize> {
        let directory = self.clients.cluster.directory_of(self.follower);
        let name = part::segments(&directory)?.pop().ok_or("there is a segment")?;
        let mut bytes = fs::read(directory.join(&name))?;
        let from_end = match damage {
            Damage::Nothing => return Ok(0),
            Damage::LastBatch | Damage::LastBatchLater => 1,
            Damage::LastButOne => 2,
        };
        let found = records(&bytes);
        let record = found.iter().rev().nth(from_end - 1).ok_or("there is a record")?;
        bytes[record.range.end - 9] ^= 4;
        copy::write(&directory.join(name), &bytes)?;
        Ok(record.range.start)
    }

    /// The follower says what is damaged; the one that was away is no majority; with the leader there is one, and nothing is lost.
    fn refused(&self, entry: i64, bad: usize, marks: &Marks) -> Outcome<Fate> {
        let cluster = &self.clients.cluster;
        let began = Instant::now();
        while !cluster.has_ended(self.follower)? {
            if began.elapsed() > PATIENCE {
                return Err("the follower has started".into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        let said = marks.since(cluster, self.follower)?;
        let told = Told { names: vec![".log".to_owned()], offset: Some(bad) };
        if !told.is_said_by(said.lines().next_back().unwrap_or_default()) {
            return Err(format!("it does not say what is damaged: {said}").into());
        }
        cluster.kill(self.follower)?;
        cluster.launch(self.leader)?;
        self.write()?;
        let is_kept = [self.leader, self.away].into_iter().try_fold(true, |is_kept, place| {
            Outcome::Ok(is_kept && cluster.everything_of(place)?.written.contains(&entry))
        })?;
        Ok(if is_kept { Fate::Refused } else { Fate::Lost })
    }

    /// All nodes agree on it.
    fn fate(&self, entry: i64) -> Outcome<Fate> {
        let cluster = &self.clients.cluster;
        let has = |place| Ok(cluster.everything_of(place)?.written.contains(&entry));
        let having: Vec<bool> = (0..3).map(has).collect::<Outcome<_>>()?;
        match having[..] {
            [true, true, true] => Ok(Fate::Kept),
            [false, false, false] => Ok(Fate::Lost),
            _ => Err("the nodes differ".into()),
        }
    }
}
