//! From the stop of a node, or of a minority, to its return: what is done to its directory, what comes of that, and that the others go on.

use super::copy;
use super::deed::{Deed, Part, Way};
use super::due::{Due, due};
use super::harm::{Harm, Sources, harm, has_snapshot};
use super::held::Held;
use super::part;
use super::records::{Record, records};
use super::table::{Seen, Table};
use super::watch::{Marks, reads, watch};
use crate::kill::{Clients, Outcome, PATIENCE, go_on};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// So often a node is stopped in the hope that its directory has the part that is wanted.
const ATTEMPTS: usize = 30;

/// Where trials are made: a cluster with clients at work.
pub(super) struct Arena<'a> {
    pub(super) clients: &'a Clients,
    /// For copies.
    pub(super) scratch: &'a Path,
    pub(super) segment_size: u64,
    pub(super) dice: &'a mut Pcg64Mcg,
    pub(super) table: &'a mut Table,
}

/// A node to whose directory something is done.
struct Victim {
    place: usize,
    deed: Deed,
    sources: Sources,
    /// Its directory as it was when it was stopped.
    intact: PathBuf,
    /// And as it was made.
    damaged: PathBuf,
    /// What it had promised is in this.
    held: Held,
    harm: Harm,
    due: Due,
}

impl Arena<'_> {
    /// Does these things to as many nodes at once. What was seen?
    pub(super) fn attempt(&mut self, deeds: &[Deed]) -> Outcome<Vec<Seen>> {
        let cluster = &self.clients.cluster;
        let places = self.places(deeds.len())?;
        let mut victims = Vec::new();
        for (&place, &deed) in places.iter().zip(deeds) {
            victims.push((place, deed, self.older(place, deed)?));
        }
        let more = self.dice.random_range(5..60);
        go_on(self.clients, more)?;
        let victims = victims.into_iter().map(|(place, deed, sources)| self.stop(place, deed, sources));
        let victims: Vec<Victim> = victims.collect::<Outcome<_>>()?;
        // The others go on, and have all that was ever acknowledged then: on each of the stopped it was one of a majority.
        go_on(self.clients, 10)?;
        let marks = Marks::now(cluster);
        victims.iter().try_for_each(|victim| cluster.launch_in_doubt(victim.place))?;
        let judges: Vec<usize> = (0..cluster.nodes()).filter(|place| !places.contains(place)).collect();
        let mut seen = Vec::new();
        for victim in &victims {
            let what = watch(cluster, victim.place, &judges, &marks)
                .map_err(|why| format!("{} of node {}: {why}", victim.deed, victim.place + 1))?;
            self.judge(victim, what, &marks)?;
            seen.push(what);
        }
        if let ([victim], [Seen::ByPeers]) = (&victims[..], &seen[..]) {
            self.is_not_counted(victim, &judges)?;
        }
        go_on(self.clients, 10)?;
        victims.iter().zip(&seen).try_for_each(|(victim, seen)| self.mend(victim, *seen))?;
        Ok(seen)
    }

    /// Which nodes: the leader among them, half of the time.
    fn places(&mut self, count: usize) -> Outcome<Vec<usize>> {
        let cluster = &self.clients.cluster;
        let mut places: Vec<usize> = (0..cluster.nodes()).collect();
        places.shuffle(self.dice);
        if self.dice.random() {
            let leader = cluster.leader()?;
            places.sort_by_key(|place| *place != leader);
        }
        places.truncate(count);
        Ok(places)
    }

    /// Copies what is needed of what will be older then.
    fn older(&mut self, place: usize, deed: Deed) -> Outcome<Sources> {
        let cluster = &self.clients.cluster;
        let at = |name: &str| self.scratch.join(format!("{name}-{}", place + 1));
        let sources =
            Sources { earlier_run: at("earlier-run"), this_run: at("this-run"), other: at("other") };
        let directory = cluster.directory_of(place);
        match deed.way {
            Way::OlderOfEarlierRun => {
                self.go_on_until_copied_has(place, deed.part)?;
                let cluster = &self.clients.cluster;
                cluster.kill(place)?;
                copy::copy(&directory, &sources.earlier_run)?;
                cluster.launch(place)?;
                cluster.everything_of(place)?;
                // A copy that starts has started as often as the node, or less often: its peers must tell either.
                if deed.part == Part::Identity {
                    cluster.kill(place)?;
                    cluster.launch(place)?;
                    cluster.everything_of(place)?;
                }
            }
            Way::OlderOfThisRun => {
                self.go_on_until_copied_has(place, deed.part)?;
                self.copy_of_running(place, &sources.this_run)?;
            }
            Way::AnotherNodes => {
                let other = (place + 1) % cluster.nodes();
                self.go_on_until_copied_has(other, deed.part)?;
                self.copy_of_running(other, &sources.other)?;
            }
            Way::BitTurned
            | Way::BitOfLastBatch
            | Way::BitBehindEnd
            | Way::CutShort
            | Way::Emptied
            | Way::Removed
            | Way::SectorZeroed
            | Way::MadeAnew
            | Way::Rubbish => {}
        }
        Ok(sources)
    }

    /// A node that is young has no snapshot, and what is copied then would never have one, however long the node goes on afterwards.
    fn go_on_until_copied_has(&mut self, place: usize, part: Part) -> Outcome<()> {
        for _ in 0..ATTEMPTS {
            if part != Part::Snapshot || has_snapshot(&self.clients.cluster.directory_of(place))? {
                return Ok(());
            }
            go_on(self.clients, 15)?;
        }
        Err(format!("node {} never makes a snapshot", place + 1).into())
    }

    /// A node stands still while its directory is copied, so that the copy is of one moment.
    fn copy_of_running(&self, place: usize, to: &Path) -> Outcome<()> {
        let cluster = &self.clients.cluster;
        cluster.stop(place)?;
        let copied = copy::copy(&cluster.directory_of(place), to);
        cluster.go_on(place)?;
        copied
    }

    /// Kills a node and does something to its directory, once that has what is needed.
    fn stop(&mut self, place: usize, deed: Deed, sources: Sources) -> Outcome<Victim> {
        let cluster = &self.clients.cluster;
        let directory = cluster.directory_of(place);
        let [intact, damaged] =
            ["intact", "damaged"].map(|name| self.scratch.join(format!("{name}-{}", place + 1)));
        for _ in 0..ATTEMPTS {
            cluster.kill(place)?;
            copy::copy(&directory, &intact)?;
            let held = Held::of(&intact, self.segment_size)??;
            if let Some(harm) = harm(deed, &directory, &held, &sources, self.dice)? {
                if deed.way == Way::MadeAnew {
                    cluster.init(place)?;
                    Held::start_as_often(&directory, &intact, self.segment_size)?;
                }
                fs::create_dir_all(&directory)?;
                copy::copy(&directory, &damaged)?;
                let due = due(deed, &harm, &part::named(&fs::read(intact.join("identity"))?)?);
                return Ok(Victim { place, deed, sources, intact, damaged, held, harm, due });
            }
            cluster.launch(place)?;
            cluster.everything_of(place)?;
            go_on(self.clients, 15)?;
        }
        Err(format!("node {} never has what is needed for {deed}", place + 1).into())
    }

    /// Is it what had to come of it?
    fn judge(&mut self, victim: &Victim, seen: Seen, marks: &Marks) -> Outcome<()> {
        let Victim { place, deed, due, .. } = victim;
        let said = marks.since(&self.clients.cluster, *place)?;
        let sentence = said.lines().next_back().unwrap_or_default();
        let is_right = match (due, seen) {
            (Due::Refused(told), Seen::Refused) => told.is_said_by(sentence),
            (Due::ByPeers, Seen::ByPeers) | (Due::Whole | Due::Lacking, Seen::In) => true,
            (Due::Refused(_) | Due::Whole | Due::Lacking | Due::ByPeers, _) => false,
        };
        if !is_right {
            let what = format!("{deed} of node {}: {due:?} was to come of it, and {seen:?} did", place + 1);
            return Err(format!("{what}; it has said:\n{said}").into());
        }
        let is_whole = seen != Seen::In || self.is_whole(victim)?;
        self.table.add(*deed, seen, is_whole);
        Ok(())
    }

    /// Had a node that takes part all that it had promised? If not, it lacks exactly what cannot be told.
    fn is_whole(&self, victim: &Victim) -> Outcome<bool> {
        let held = Held::of(&victim.damaged, self.segment_size)??;
        let Some(lacks) = held.lacks(&victim.held) else { return Ok(true) };
        let Victim { deed, place, due, .. } = victim;
        if *due != Due::Lacking {
            return Err(format!("{deed}: node {} started without {lacks}", place + 1).into());
        }
        let is_exact = match &victim.harm.file {
            Some(file) => held == self.without_end(victim, file)?,
            // An old copy of everything: it has what it had then.
            None => held == Held::of(&victim.sources.this_run, self.segment_size)??,
        };
        if is_exact {
            return Ok(false);
        }
        Err(format!("{deed}: node {} lacks {lacks}, and not only that which cannot be told", place + 1)
            .into())
    }

    /// What it would hold if its last segment had ended where the first record is that was damaged.
    fn without_end(&self, victim: &Victim, file: &str) -> Outcome<Held> {
        let shorter = self.scratch.join("shorter");
        copy::copy(&victim.intact, &shorter)?;
        let mut bytes = victim.harm.before.clone();
        let after = victim.harm.after.as_deref().unwrap_or_default();
        let is_damaged = |record: &Record| bytes.get(record.range.clone()) != after.get(record.range.clone());
        match records(&bytes).iter().position(is_damaged) {
            None | Some(0) => fs::remove_file(shorter.join(file))?,
            Some(position) => {
                let begin = records(&bytes)[position].range.start;
                bytes[begin..].fill(0);
                copy::write(&shorter.join(file), &bytes)?;
            }
        }
        Ok(Held::of(&shorter, self.segment_size)??)
    }

    /// Nothing is acknowledged on the word of a node that its peers do not listen to.
    fn is_not_counted(&mut self, victim: &Victim, judges: &[usize]) -> Outcome<()> {
        let cluster = &self.clients.cluster;
        let stopped = judges[self.dice.random_range(0..judges.len())];
        cluster.stop(stopped)?;
        // What was on its way to the others may have arrived.
        let began = Instant::now();
        while cluster.progress.wait_for(1, Duration::from_millis(300)) {
            if began.elapsed() > PATIENCE {
                break;
            }
        }
        let is_counted = cluster.progress.wait_for(1, Duration::from_millis(1200))
            || reads(cluster, victim.place, Duration::from_millis(100))?;
        cluster.go_on(stopped)?;
        if is_counted {
            let Victim { deed, place, .. } = victim;
            return Err(format!("{deed}: node {} is counted by one that refuses it", place + 1).into());
        }
        Ok(())
    }

    /// A node that does not take part gets its directory back as it was when it was stopped, and comes back, and catches up.
    fn mend(&self, victim: &Victim, seen: Seen) -> Outcome<()> {
        let cluster = &self.clients.cluster;
        let (place, deed) = (victim.place, victim.deed);
        if seen == Seen::In {
            // Its directory goes on: what it was before is an old copy now.
            cluster.may_end(place, false);
            return Ok(());
        }
        cluster.kill(place)?;
        let directory = cluster.directory_of(place);
        // Of the peers, and of whose directory it is, it hears when its log is open: that counts as a start.
        let is_by_log = deed.part != Part::Peers && deed.part != Part::Directory;
        if seen == Seen::Refused && is_by_log && !copy::are_alike(&directory, &victim.damaged)? {
            return Err(format!("{deed}: node {} changed what it refused", place + 1).into());
        }
        copy::copy(&victim.intact, &directory)?;
        cluster.launch(place)?;
        // What it has then, the end of the run looks at.
        cluster.everything_of(place)?;
        Ok(())
    }
}
