//! An order of all steps of all nodes: each node's own, and nothing is received before it is sent. Any such order is one in which a cluster
//! could have run, so the properties must hold in it, whatever the clocks said.

use super::commands::{Command, Commands};
use super::finding::{Finding, Kind};
use super::judge::{Judge, Servers};
use super::mistake::{Misread, Mistake};
use super::reading::{Item, Place, Reader, Step, readers};
use super::report::Report;
use super::sent::Sent;
use super::server::Server;
use super::sink::Fingerprint;
use bumpalo::Bump;
use seaworthy_protocol::notation::show;
use seaworthy_protocol::{Input, NodeId};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::time::Instant;

/// Why traces are not valid, or cannot be judged.
#[derive(Debug)]
pub enum Problem {
    /// They cannot be read.
    Misread(Misread),
    /// They tell of something that cannot be.
    Finding(Box<Finding>),
}

/// Takes the steps of all traces of a directory again, and judges them.
///
/// # Errors
///
/// The first line that cannot be read, or that tells of something that cannot be.
pub fn validate(directory: &Path) -> Result<Report, Problem> {
    let (began, space) = (Instant::now(), Bump::new());
    let report = Validation::open(directory, &space)?.run()?;
    Ok(Report { took: began.elapsed(), ..report })
}

/// The next line of a node.
pub(super) struct Next<'a> {
    place: Place,
    item: Item<'a>,
    /// What must have been sent before.
    needs: Option<(Fingerprint, NodeId)>,
}

pub(super) struct Validation<'a> {
    commands: Commands<'a>,
    readers: BTreeMap<NodeId, Reader>,
    next: BTreeMap<NodeId, Next<'a>>,
    pub(super) servers: Servers<'a>,
    pub(super) sent: Sent,
    pub(super) judge: Judge<'a>,
    pub(super) report: Report,
    /// Once nobody can go on: what arrived all the same.
    pub(super) stuck: Option<Stuck>,
    /// The last line that was taken, and whose it was.
    last: Option<(NodeId, Place)>,
}

/// What no order explains. The rest is read to tell what was never sent from what waits for that.
#[derive(Default)]
pub(super) struct Stuck {
    received: Vec<Received>,
    forced: HashSet<Fingerprint>,
    /// The first divergence, and whose traces are left for one.
    diverged: Option<Box<Finding>>,
    left: BTreeSet<NodeId>,
}

/// A message that has arrived before it was sent.
struct Received {
    place: Place,
    node: NodeId,
    from: NodeId,
    message: String,
    fingerprint: Fingerprint,
}

impl<'a> Validation<'a> {
    fn open(directory: &Path, space: &'a Bump) -> Result<Self, Problem> {
        let (mut commands, mut readers) = (Commands::new(space), readers(directory)?);
        let (mut servers, mut next) = (Servers::new(), BTreeMap::new());
        let mut voters = None;
        let mut places = Vec::new();
        for (id, reader) in &mut readers {
            // A file's first line is always a start.
            let Some((place, Item::Start(start))) = reader.next(&mut commands)? else { continue };
            if *voters.get_or_insert_with(|| start.config.voters()) != start.config.voters() {
                let details = format!("{}\n", start.config.voters());
                return Err(Finding { place, node: *id, kind: Kind::OtherVoters, details }.into());
            }
            servers.insert(*id, Server::new(*id, start));
            places.push((*id, place));
            if let Some(following) = reader.next(&mut commands)? {
                next.insert(*id, Next::new(following));
            }
        }
        if servers.is_empty() {
            let (file, mistake) = (directory.to_owned(), Mistake::NoTrace);
            return Err(Misread { file, line: 0, mistake }.into());
        }
        let judge = Judge::new(&servers);
        let silent = voters.map_or(0, |voters| voters.iter().filter(|id| !servers.contains_key(id)).count());
        let (nodes, starts) = (servers.len(), servers.len());
        let report = Report { nodes, starts, silent, ..Report::default() };
        let sent = Sent::default();
        let (stuck, last) = (None, places.last().cloned());
        let mut validation = Self { commands, readers, next, servers, sent, judge, report, stuck, last };
        places.into_iter().try_for_each(|(id, place)| validation.judge_start(id, &place))?;
        Ok(validation)
    }

    fn run(mut self) -> Result<Report, Problem> {
        let ids: Vec<NodeId> = self.servers.keys().copied().collect();
        while !self.next.is_empty() {
            let mut has_moved = false;
            for id in &ids {
                has_moved |= self.go_on(*id)?;
            }
            if !has_moved {
                self.force();
            }
        }
        if let Some(finding) = self.stuck.take().and_then(|stuck| stuck.explain(&self.sent)) {
            return Err(Problem::Finding(finding));
        }
        if let Some((id, place)) = self.last.take() {
            let broken = self.judge.see_whole(&self.servers);
            self.held(broken, id, &place, "the end")?;
        }
        self.report.wholes = self.judge.tally.wholes;
        self.report.elections = self.judge.tally.elections;
        self.report.reads = self.judge.tally.reads;
        self.report.committed = self.judge.committed.len();
        self.report.sent = self.sent.len();
        for reader in self.readers.values() {
            self.report.bytes += reader.tally.bytes;
            self.report.torn += reader.tally.torn;
            self.report.untold += reader.tally.untold;
        }
        Ok(self.report)
    }

    /// Takes a node's next lines, as far as all that they need has been sent. Were there any?
    fn go_on(&mut self, id: NodeId) -> Result<bool, Problem> {
        let mut has_moved = false;
        while let Some(next) = self.next.remove(&id) {
            if next.needs.is_some_and(|(fingerprint, _)| !self.was_sent(fingerprint)) {
                self.next.insert(id, next);
                return Ok(has_moved);
            }
            has_moved = true;
            let Next { place, item, .. } = next;
            self.last = Some((id, place.clone()));
            let taken = match item {
                Item::Start(start) => self.start(id, &place, start),
                Item::Step(step) => self.step(id, &place, step),
            };
            match (taken, &mut self.stuck) {
                (Ok(()), _) => {}
                (Err(finding), None) => return Err(Problem::Finding(finding)),
                (Err(finding), Some(stuck)) => {
                    stuck.diverged.get_or_insert(finding);
                    stuck.left.insert(id);
                    return Ok(true);
                }
            }
            let following = self.readers.get_mut(&id).map(|reader| reader.next(&mut self.commands));
            if let Some(following) = following.transpose()?.flatten() {
                self.next.insert(id, Next::new(following));
            }
        }
        Ok(has_moved)
    }

    fn was_sent(&self, fingerprint: Fingerprint) -> bool {
        let forced = self.stuck.as_ref().is_some_and(|stuck| stuck.forced.contains(&fingerprint));
        self.sent.contains(fingerprint) || forced
    }

    /// Nobody can go on: what they wait for arrives, as if it had been sent.
    fn force(&mut self) {
        let stuck = self.stuck.get_or_insert_default();
        for (id, next) in &self.next {
            let (Item::Step(Step { input: Input::Receive(envelope), .. }), Some((fingerprint, from))) =
                (&next.item, next.needs)
            else {
                continue;
            };
            // Whole, though it may be long: one of its entries may be all that is wrong.
            let message = show::<_, Command<'_>>(envelope).to_string();
            let place = next.place.clone();
            stuck.received.push(Received { place, node: *id, from, message, fingerprint });
            stuck.forced.insert(fingerprint);
        }
    }
}

impl Stuck {
    /// Of what arrived before it was sent, what was never sent; first of all from those who could say all that they had to say.
    fn explain(self, sent: &Sent) -> Option<Box<Finding>> {
        let Self { received, forced: _, diverged, left } = self;
        let never = || received.iter().filter(|received| !sent.contains(received.fingerprint));
        let certain = never().find(|received| !left.contains(&received.from));
        if let Some(received) = certain.or_else(|| never().next()) {
            return Some(received.finding(Kind::NeverSent { from: received.from }));
        }
        let later = |received: &Received| received.finding(Kind::SentLater { from: received.from });
        diverged.or_else(|| received.first().map(later))
    }
}

impl Received {
    fn finding(&self, kind: Kind) -> Box<Finding> {
        let details = format!("  {}\n", self.message);
        Box::new(Finding { place: self.place.clone(), node: self.node, kind, details })
    }
}

impl<'a> Next<'a> {
    fn new((place, item): (Place, Item<'a>)) -> Self {
        let needs = match &item {
            Item::Step(Step { input: Input::Receive(envelope), .. }) => {
                Some((Fingerprint::of(&envelope.borrowed()), envelope.from))
            }
            Item::Step(_) | Item::Start(_) => None,
        };
        Self { place, item, needs }
    }
}

impl From<Misread> for Problem {
    fn from(misread: Misread) -> Self {
        Self::Misread(misread)
    }
}

impl From<Finding> for Problem {
    fn from(finding: Finding) -> Self {
        Self::Finding(Box::new(finding))
    }
}

impl From<Box<Finding>> for Problem {
    fn from(finding: Box<Finding>) -> Self {
        Self::Finding(finding)
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misread(misread) => write!(f, "{misread}"),
            Self::Finding(finding) => write!(f, "{finding}"),
        }
    }
}

impl std::error::Error for Problem {}
