//! What a data directory holds, by the recovery that a node would do.

use super::copy;
use crate::kill::Outcome;
use seaworthy::wal::{Directory, Layout, OpenError, Wal};
use seaworthy_protocol::{Durable, Snapshot};
use std::path::Path;
use std::sync::Arc;

/// What is found in a directory.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Held(Durable<Arc<[u8]>>);

impl Held {
    /// Looks at a copy: to look is to start once more.
    pub(super) fn of(directory: &Path, segment_size: u64) -> Outcome<Result<Self, OpenError>> {
        let scratch = tempfile::tempdir()?;
        copy::copy(directory, scratch.path())?;
        let layout = Layout { segment_size, ..Layout::default() };
        let opened = Directory::open(scratch.path()).and_then(|files| Wal::open::<Arc<[u8]>>(files, layout));
        Ok(opened.map(|(_, recovery)| Self(recovery.durable)))
    }

    /// Starts on a directory until that was done more often than on another: a number of starts that is low is not all that tells.
    pub(super) fn start_as_often(directory: &Path, other: &Path, segment_size: u64) -> Outcome<()> {
        let layout = Layout { segment_size, ..Layout::default() };
        let start = |path| {
            let files = Directory::open(path)?;
            Wal::open::<Arc<[u8]>>(files, layout).map(|(wal, _)| wal.identity().starts)
        };
        let scratch = tempfile::tempdir()?;
        copy::copy(other, scratch.path())?;
        let due = start(scratch.path())?;
        while start(directory)? < due {}
        Ok(())
    }

    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        self.0.snapshot()
    }

    /// What is missing here of what another had promised: a term, a vote, or entries.
    pub(super) fn lacks(&self, promised: &Self) -> Option<String> {
        let (here, there) = (&self.0, &promised.0);
        let (term, due) = (here.current_term(), there.current_term());
        if term < due {
            return Some(format!("term {}", due.0));
        }
        if term == due && there.voted_for().is_some() && here.voted_for() != there.voted_for() {
            return Some(format!("the vote in term {}", due.0));
        }
        let (last, due) = (here.log().last_index(), there.log().last_index());
        if last < due {
            return Some(format!("entries {} to {}", last.0 + 1, due.0));
        }
        let differs = there.log().last() != here.log().last() && last == due;
        differs.then(|| format!("entry {}", due.0))
    }
}
