//! What came of all trials.

use super::deed::Deed;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// What has become of a node.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Seen {
    /// It did not start, and said why.
    Refused,
    /// It takes part.
    In,
    /// It runs, and its peers do not listen to it.
    ByPeers,
}

/// How often what came of what.
#[derive(Clone, Debug, Default)]
pub struct Table(BTreeMap<Deed, Row>);

/// What came of one thing that was done.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    refused: usize,
    harmless: usize,
    by_peers: usize,
    untold: usize,
}

impl Table {
    /// One more. Where a node takes part, it has all that it had promised, or not.
    pub(super) fn add(&mut self, deed: Deed, seen: Seen, is_whole: bool) {
        let row = self.0.entry(deed).or_default();
        let count = match seen {
            Seen::Refused => &mut row.refused,
            Seen::ByPeers => &mut row.by_peers,
            Seen::In if is_whole => &mut row.harmless,
            Seen::In => &mut row.untold,
        };
        *count += 1;
    }

    /// How many trials there were.
    #[must_use]
    pub fn trials(&self) -> usize {
        self.0.values().map(|row| row.refused + row.harmless + row.by_peers + row.untold).sum()
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let heads = ["refused", "harmless", "by peers", "untold"];
        writeln!(
            f,
            "{:<13} {:<33} {:>8} {:>8} {:>8} {:>8}",
            "part", "damage", heads[0], heads[1], heads[2], heads[3]
        )?;
        let mut sum = Row::default();
        let shown = |count: usize| if count == 0 { String::new() } else { count.to_string() };
        for (Deed { part, way }, row) in &self.0 {
            let [a, b, c, d] = [row.refused, row.harmless, row.by_peers, row.untold].map(shown);
            writeln!(f, "{part:<13} {way:<33} {a:>8} {b:>8} {c:>8} {d:>8}")?;
            sum.refused += row.refused;
            sum.harmless += row.harmless;
            sum.by_peers += row.by_peers;
            sum.untold += row.untold;
        }
        let Row { refused, harmless, by_peers, untold } = sum;
        write!(f, "{:<13} {:<33} {refused:>8} {harmless:>8} {by_peers:>8} {untold:>8}", "all", "")
    }
}
