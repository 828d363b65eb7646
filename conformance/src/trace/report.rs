//! What was judged, if all is well.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// What the traces of a cluster hold, in numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// Nodes that have recorded something.
    pub nodes: usize,
    /// Voters that have not.
    pub silent: usize,
    /// Starts of nodes.
    pub starts: usize,
    /// Starts whose disk was compared with what was written before.
    pub disks: usize,
    /// Starts of which there is no line. They have said nothing, if they were recorded.
    pub untold: u64,
    /// Steps.
    pub steps: usize,
    /// Lines that were not finished when their process was killed. They are left out.
    pub torn: usize,
    /// Bytes of all that was read.
    pub bytes: u64,
    /// Different messages that were sent.
    pub sent: usize,
    /// Messages that were received, each of which was sent before.
    pub received: usize,
    /// Terms that had a leader.
    pub elections: usize,
    /// Entries that were committed.
    pub committed: usize,
    /// Questions for what a read must see.
    pub reads: usize,
    /// How often all nodes were judged at once.
    pub wholes: usize,
    /// How long it took.
    pub took: Duration,
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { nodes, silent, starts, disks, untold, steps, torn, bytes, .. } = self;
        let Self { sent, received, elections, committed, reads, wholes, took, .. } = self;
        let (of, within) = (some(*nodes, "node"), some(*starts, "start"));
        writeln!(f, "{} of {of} in {within}: each leads where it led", some(*steps, "step"))?;
        writeln!(
            f,
            "{} received, each of them among the {sent} that were sent before; {} compared with what was written",
            some(*received, "message"),
            some(*disks, "disk")
        )?;
        writeln!(
            f,
            "{} with a leader, {} committed, {} of reads: every property holds, {} of all nodes at once",
            some(*elections, "term"),
            some(*committed, "entry"),
            some(*reads, "question"),
            some(*wholes, "look")
        )?;
        if *torn > 0 || *untold > 0 || *silent > 0 {
            writeln!(
                f,
                "left out: {} not finished; {untold} starts and {silent} voters without a line",
                some(*torn, "line")
            )?;
        }
        write!(f, "{bytes} bytes, judged in {took:.1?}")
    }
}

fn some(count: usize, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("1 {what}"),
        (_, "entry") => format!("{count} entries"),
        (_, _) => format!("{count} {what}s"),
    }
}
