//! One trial after the other, in one cluster after the other, with clients at work; and the judgement of what they were told.

use super::deed::{Deed, Part};
use super::table::{Seen, Table};
use super::trial::Arena;
use super::{lost, part};
use crate::history::{History, Recorder};
use crate::kill::{Clients, Cluster, Failure, NodeSettings, Outcome, at_work, check, go_on};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::time::{Duration, Instant};

/// So many trials are made in one cluster, at most.
const TRIALS: usize = 12;

/// Small, so that there are old segments: a batch or two dozen fit into one.
const SEGMENT_SIZE: u64 = 4096;
/// A snapshot often, so that there is one, and segments to begin with it.
const SNAPSHOT_EVERY: u64 = 150;

/// What is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often each thing is done.
    pub rounds: usize,
    /// What happens when.
    pub seed: u64,
    /// To which parts something is done.
    pub parts: Vec<Part>,
    /// No more trials than these.
    pub trials: Option<usize>,
    /// Three nodes, of which one is damaged at a time; or five, of which two are.
    pub nodes: usize,
    /// How many clients are at work all the time.
    pub clients: usize,
    /// Is it shown, too, how an entry is lost?
    pub shows_loss: bool,
}

/// What came of a run in which all was well.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What came of what.
    pub table: Table,
    /// How many changes were acknowledged, none of which was lost.
    pub acknowledged: usize,
    /// How many operations there are in the histories, all of which are linearizable.
    pub operations: usize,
    /// How many clusters there were.
    pub clusters: usize,
    /// What was shown of how an entry is lost.
    pub loss: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// Does everything that can be done to a directory, and judges what comes of it.
///
/// # Errors
///
/// If something does not hold. Then everything is kept.
pub fn run(settings: &Settings) -> Result<Report, Failure> {
    let began = Instant::now();
    let mut dice = Pcg64Mcg::seed_from_u64(settings.seed);
    let mut deeds: Vec<Deed> = (0..settings.rounds).flat_map(|_| Deed::all(&settings.parts)).collect();
    deeds.shuffle(&mut dice);
    deeds.truncate(settings.trials.unwrap_or(usize::MAX));
    let mut report = Report::default();
    while !deeds.is_empty() {
        in_directory(|directory| in_cluster(settings, directory, &mut deeds, &mut dice, &mut report))?;
    }
    if settings.shows_loss {
        report.loss = Some(in_directory(|directory| lost::show(directory, node_settings()))?);
    }
    report.took = began.elapsed();
    Ok(report)
}

fn in_directory<T>(work: impl FnOnce(&Path) -> Outcome<T>) -> Result<T, Failure> {
    let failing = |kept| move |why| Failure { why, kept, history: None };
    let directory = match tempfile::Builder::new().prefix("seaworthy-damage-").tempdir() {
        Ok(directory) => directory,
        Err(error) => return Err(failing(None)(error.into())),
    };
    work(directory.path()).map_err(|why| failing(Some(directory.keep()))(why))
}

const fn node_settings() -> NodeSettings {
    NodeSettings { snapshot_every: SNAPSHOT_EVERY, segment_size: SEGMENT_SIZE, reads_stale: false }
}

/// Makes trials in a new cluster, until its nodes have told of the identity of a peer: they do that only now and then.
fn in_cluster(
    settings: &Settings,
    directory: &Path,
    deeds: &mut Vec<Deed>,
    dice: &mut Pcg64Mcg,
    report: &mut Report,
) -> Outcome<()> {
    let path = directory.join("history.jsonl");
    let cluster = Cluster::start(directory, settings.nodes, node_settings(), None)?;
    let clients = Clients::new(cluster, Recorder::create(&path)?, 3, settings.seed);
    at_work(&clients, settings.clients, |clients| {
        warm_up(clients)?;
        let table = &mut report.table;
        let mut arena =
            Arena { clients, scratch: &directory.join("copies"), segment_size: SEGMENT_SIZE, dice, table };
        for _ in 0..TRIALS {
            let at_once = deeds.split_off(deeds.len().saturating_sub(settings.nodes / 2));
            if at_once.is_empty() || arena.attempt(&at_once)?.contains(&Seen::ByPeers) {
                break;
            }
        }
        Ok(())
    })?;
    report.acknowledged += check(&clients)?;
    drop(clients);
    let history = History::read(&path)?;
    report.operations += history.operations.len();
    report.clusters += 1;
    history.judge().violation.map_or(Ok(()), |violation| Err(violation.to_string().into()))
}

/// Until all logs have begun anew behind a snapshot: the segment that was there first is larger than all others.
fn warm_up(clients: &Clients) -> Outcome<()> {
    let is_cold = |place| {
        let segments = part::segments(&clients.cluster.directory_of(place));
        segments.map_or(true, |segments| segments.iter().any(|name| name.starts_with("0000000000000001.")))
    };
    while (0..clients.cluster.nodes()).any(is_cold) {
        go_on(clients, 20)?;
    }
    Ok(())
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { table, acknowledged, operations, clusters, loss, took } = self;
        writeln!(f, "{table}\n")?;
        writeln!(
            f,
            "{} trials in {clusters} clusters: {acknowledged} changes acknowledged, none lost; {operations} operations, linearizable",
            table.trials()
        )?;
        loss.iter().try_for_each(|loss| writeln!(f, "{loss}"))?;
        write!(f, "{took:.0?} in all")
    }
}
