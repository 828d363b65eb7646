//! How a mutant breaks its property, as a scenario that the correct protocol runs without a violation
//! (docs/scenarios.md): kept for ever, so that the bug cannot come back unnoticed.

use crate::bounds::{Bounds, DiskKind};
use crate::museum::Exhibit;
use crate::properties::{NO_DISRUPTION, NO_LONE_LEADER, NO_WEDGE};
use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};

/// A wedge is shown by what no longer happens: how the correct protocol gets out, with one node down.
const WAY_OUT: &str = "
# From here no calm schedule brings the mutant to commit anything, with some node down or with none. The correct protocol does,
# with n3 down:
partition n1 n2 | n3
deliver all
n1 election timeout
deliver all
n1 heartbeat
deliver all
n1 heartbeat
deliver all
";

/// The same for two nodes, of which none may be down, and whose leader is followed: it need not be another one.
const WAY_OUT_OF_TWO: &str = "
# From here the mutant never commits what its leader has, as long as that is heard. The correct protocol does, what was lost included:
drop all
n1 heartbeat
deliver all
n1 heartbeat
deliver all
n1 heartbeat
deliver all
";

/// The same where a node asks before it begins a term: who must time out first depends on the state.
const SHOW: &str = "
# From here no calm schedule brings the mutant's nodes together again, with some node down or with none. Here whoever is behind
# is told so:
n1 election timeout
n1 heartbeat
deliver all
show
";

/// A disruption is shown by what a return does not do.
const RETURN: &str = "
# From here the mutant lets a node that was cut off depose the leader when it returns, or the leader give up. Not so here:
n1 election timeout
deliver all
partition n1 n2 | n3
n3 election timeout
n3 election timeout
n1 heartbeat
deliver all
n1 election timeout
heal
n3 election timeout
deliver all
n1 heartbeat
deliver all
";

/// A lone leader is shown by what it gives up.
const ALONE: &str = "
# From here the mutant lets a leader that reaches nobody lead on. Not so here:
n1 election timeout
deliver all
n1 election timeout
partition n1 | n2 n3
n1 heartbeat
n1 election timeout
";

/// A mutant's counterexample.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The mutant.
    pub exhibit: Exhibit,
    /// The property that falls to it.
    pub property: String,
    /// The box in which it falls.
    pub bounds: Bounds,
    /// One action a line, shrunk.
    pub script: Vec<String>,
}

impl Kept {
    /// Writes it into a directory, under the mutant's name. Outcomes are not part of it: they are the correct protocol's.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save_in(&self, directory: &Path) -> io::Result<PathBuf> {
        let file = directory.join(format!("{}.scenario", self.exhibit.name));
        std::fs::create_dir_all(directory)?;
        std::fs::write(&file, self.to_string())?;
        Ok(file)
    }
}

impl Display for Kept {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { exhibit, property, bounds, script } = self;
        writeln!(f, "# Mutant {}: {}.", exhibit.name, exhibit.bug)?;
        writeln!(f, "# {property} falls to it in {}. Seen: {}.", bounds.full_name(), exhibit.seen)?;
        writeln!(f, "# Source: {}", exhibit.paper)?;
        writeln!(f, "{}", bounds.cluster())?;
        match bounds.disk {
            DiskKind::Atomic if bounds.damages > 0 => writeln!(f, "snapshots wait")?,
            DiskKind::Atomic => {}
            DiskKind::Fifo => writeln!(f, "disks wait")?,
        }
        for (position, action) in script.iter().enumerate() {
            writeln!(f, "{}{action}", if position == 0 { "\n" } else { "" })?;
        }
        match self.property.as_str() {
            NO_WEDGE if bounds.nodes == 2 => f.write_str(WAY_OUT_OF_TWO),
            NO_WEDGE if bounds.pre_vote => f.write_str(SHOW),
            NO_WEDGE => f.write_str(WAY_OUT),
            NO_DISRUPTION => f.write_str(RETURN),
            NO_LONE_LEADER => f.write_str(ALONE),
            _ => Ok(()),
        }
    }
}
