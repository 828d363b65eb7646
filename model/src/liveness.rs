//! Which links suffice? For every static set of working links among a few nodes: does a leader emerge, and does it go on
//! committing, under the calm [schedule](crate::schedule)?
//!
//! A leader talks to its followers directly, so only a node that is linked to a majority, itself included, can be of use: a
//! *hub*. Where there is none, no Raft can do anything. Where there is one, whether the cluster finds it depends on pre-vote
//! and check-quorum (Howard & Abraham, "Raft does not guarantee liveness in the face of network faults", 2020).

use crate::bounds::Bounds;
use crate::schedule::{Links, Schedule};
use crate::symmetry::Permutation;
use crate::system::Raft;
use seaworthy_protocol::{Node, NodeId, NodeSet, is_majority};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// The four ways to run a cluster: pre-vote or not, check-quorum or not.
pub const FEATURES: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

/// A set of links, up to the nodes' names.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Shape {
    /// The pairs that are linked.
    pub pairs: Vec<(NodeId, NodeId)>,
}

/// What became of a shape under each of [`FEATURES`]: from how many starts a leader emerged and went on committing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Starts: ways to name the nodes, times who is first, times whether the links failed before the first election or after.
    pub starts: usize,
    /// Those that ended well, by feature.
    pub live: [usize; 4],
}

/// All shapes with a hub among some nodes, and their tallies.
#[derive(Clone, Debug)]
pub struct Table {
    nodes: u8,
    shapes: BTreeMap<Shape, Tally>,
    without_hub: usize,
}

impl Table {
    /// Tries every set of links among 1 to 5 nodes.
    #[must_use]
    pub fn of(nodes: u8) -> Self {
        let models =
            FEATURES.map(|(pre_vote, check_quorum)| Raft::new(bounds(nodes, pre_vote, check_quorum)));
        let mut table = Self { nodes, shapes: BTreeMap::new(), without_hub: 0 };
        let pairs = all_pairs(nodes);
        for set in 0..1_u32 << pairs.len() {
            let chosen = |(position, pair)| (set >> position & 1 == 1).then_some(pair);
            let chosen: Vec<_> = pairs.iter().copied().enumerate().filter_map(chosen).collect();
            table.try_links(&models, &chosen);
        }
        table
    }

    /// How many shapes have a hub.
    #[must_use]
    pub fn shapes(&self) -> usize {
        self.shapes.len()
    }

    /// How many of them are live from every start, by feature.
    #[must_use]
    pub fn live_shapes(&self) -> [usize; 4] {
        let is_live = |tally: &Tally, feature: usize| tally.live[feature] == tally.starts;
        [0, 1, 2, 3].map(|feature| self.shapes.values().filter(|tally| is_live(tally, feature)).count())
    }

    fn try_links(&mut self, models: &[Raft; 4], pairs: &[(NodeId, NodeId)]) {
        let links = Links::of(self.nodes, pairs);
        if !has_hub(self.nodes, &links) {
            self.without_hub += 1;
            return;
        }
        let tally = self.shapes.entry(shape(self.nodes, pairs)).or_default();
        for first in 0..usize::from(self.nodes) {
            for fails_later in [false, true] {
                tally.starts += 1;
                for (live, model) in tally.live.iter_mut().zip(models) {
                    *live += usize::from(is_live(model, &links, first, fails_later));
                }
            }
        }
    }
}

fn bounds(nodes: u8, pre_vote: bool, check_quorum: bool) -> Bounds {
    // The schedule knows no bounds; nodes keep their names, so that who is first makes a difference.
    let [some, ..] = Bounds::all();
    Bounds { nodes, pre_vote, check_quorum, symmetry: false, ..some }
}

fn all_pairs(nodes: u8) -> Vec<(NodeId, NodeId)> {
    let all = NodeSet::first(nodes);
    all.iter()
        .flat_map(|one| all.iter().filter(move |other| one < *other).map(move |other| (one, other)))
        .collect()
}

fn has_hub(nodes: u8, links: &Links) -> bool {
    let all = NodeSet::first(nodes);
    all.iter().any(|id| {
        let mut reached = links.of_node(id);
        reached.insert(id);
        is_majority(all, reached)
    })
}

/// The least naming of the nodes stands for all.
fn shape(nodes: u8, pairs: &[(NodeId, NodeId)]) -> Shape {
    let renamed = |permutation: &Permutation| {
        let rename = |(one, other): &(NodeId, NodeId)| {
            let (one, other) = (permutation.image(*one), permutation.image(*other));
            if one < other { (one, other) } else { (other, one) }
        };
        let mut pairs: Vec<_> = pairs.iter().map(rename).collect();
        pairs.sort();
        pairs
    };
    Shape { pairs: Permutation::all(nodes).iter().map(renamed).min().unwrap_or_default() }
}

/// Does a leader emerge that is still the leader, of the same term, a long time later, and commits what it was asked to?
fn is_live(model: &Raft, links: &Links, first: usize, fails_later: bool) -> bool {
    let nodes = model.bounds().nodes;
    let a_while = 6 * usize::from(nodes);
    let mut schedule = Schedule::new(model, &model.start(), NodeSet::first(nodes)).beginning_with(first);
    if fails_later {
        (0..a_while).for_each(|_| schedule.pass_round());
    }
    schedule.set_links(links.clone());
    (0..2 * a_while).for_each(|_| schedule.pass_round());
    let leaders: Vec<NodeId> =
        NodeSet::first(nodes).iter().filter(|id| schedule.node(*id).is_leader()).collect();
    leaders.iter().for_each(|leader| schedule.propose(*leader, 1));
    let mut steady: Vec<&Node<u8>> = leaders.iter().map(|leader| schedule.node(*leader)).collect();
    for _ in 0..a_while {
        schedule.pass_round();
        let leads_on = |then: &&Node<u8>| {
            let now = schedule.node(then.id());
            now.is_leader() && now.current_term() == then.current_term()
        };
        steady.retain(leads_on);
    }
    steady.iter().any(|then| schedule.node(then.id()).commit_index() >= then.log().last_index())
}

impl Display for Shape {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (position, (one, other)) in self.pairs.iter().enumerate() {
            write!(f, "{}{one}–{other}", if position == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let starts: usize = self.shapes.values().map(|tally| tally.starts).sum();
        writeln!(f, "### {} nodes\n", self.nodes)?;
        writeln!(
            f,
            "{} shapes with a hub, {starts} starts; {} sets of links without one, where nobody can lead.\n",
            self.shapes.len(),
            self.without_hub
        )?;
        writeln!(f, "| | neither | pre-vote | check-quorum | both |\n|---|---:|---:|---:|---:|")?;
        let shapes = self.live_shapes().map(|count| count.to_string());
        writeln!(f, "| shapes live from every start | {} |", shapes.join(" | "))?;
        let sum = |feature: usize| self.shapes.values().map(|tally| tally.live[feature]).sum::<usize>();
        writeln!(
            f,
            "| starts live | {} |",
            [0, 1, 2, 3].map(|feature| sum(feature).to_string()).join(" | ")
        )?;
        writeln!(f, "\nShapes that are not always live, with the share of starts that are:\n")?;
        writeln!(f, "| links | neither | pre-vote | check-quorum | both |\n|---|---:|---:|---:|---:|")?;
        for (shape, tally) in self.shapes.iter().filter(|(_, tally)| tally.live != [tally.starts; 4]) {
            let share = tally.live.map(|live| format!("{} %", live * 100 / tally.starts));
            writeln!(f, "| {shape} | {} |", share.join(" | "))?;
        }
        writeln!(f)
    }
}
