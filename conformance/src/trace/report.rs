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
        writeln!(f, "{steps} steps of {nodes} nodes in {starts} starts: each leads where it led")?;
        writeln!(
            f,
            "{received} messages received, each of them among the {sent} that were sent before; \
             {disks} disks hold what was written"
        )?;
        writeln!(
            f,
            "{elections} terms with a leader, {committed} entries committed, {reads} questions of reads: \
             every property holds, judged {wholes} times of all nodes at once"
        )?;
        if *torn > 0 || *untold > 0 || *silent > 0 {
            writeln!(
                f,
                "left out: {torn} lines that were not finished; {untold} starts and {silent} voters without a line"
            )?;
        }
        write!(f, "{bytes} bytes, judged in {took:.1?}")
    }
}
