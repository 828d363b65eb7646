//! To whom a node's loop tells its steps: to a trace, if there is one.
//!
//! Without the feature `trace` there is none, and nothing is left of this. With it, a node that was not asked for one takes two branches
//! that always go the same way.

use crate::command::Command;
use seaworthy_protocol::{Input, Node};

/// Is told what the protocol is fed, and what comes of it.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    #[cfg(feature = "trace")]
    trace: Option<Box<crate::trace::Trace>>,
}

impl Recorder {
    /// A step begins.
    #[inline]
    pub(crate) fn take_in<C: Command>(&mut self, input: &Input<C>) {
        #[cfg(feature = "trace")]
        if let Some(trace) = &mut self.trace {
            let written = trace.take_in(input);
            self.go_on(written);
        }
        #[cfg(not(feature = "trace"))]
        let _ = input;
    }

    /// The step is over, and nothing of it has left yet.
    #[inline]
    pub(crate) fn see<C: Command>(&mut self, node: &Node<C>) {
        #[cfg(feature = "trace")]
        if let Some(trace) = &mut self.trace {
            let written = trace.see(node);
            self.go_on(written);
        }
        #[cfg(not(feature = "trace"))]
        let _ = node;
    }
}

#[cfg(feature = "trace")]
impl Recorder {
    /// Records all steps from now on into a file of this directory.
    pub(crate) fn begin<C: Command>(
        directory: &std::path::Path,
        starts: u64,
        config: &seaworthy_protocol::Config,
        node: &Node<C>,
    ) -> Self {
        let mut recorder = Self::default();
        match crate::trace::Trace::begin(directory, starts, config, node) {
            Ok(trace) => recorder.trace = Some(Box::new(trace)),
            Err(error) => recorder.give_up(&error),
        }
        recorder
    }

    fn go_on(&mut self, written: std::io::Result<()>) {
        if let Err(error) = written {
            self.give_up(&error);
        }
    }

    /// A trace with a gap explains nothing that follows: it ends here, and the node goes on.
    #[cold]
    fn give_up(&mut self, error: &std::io::Error) {
        tracing::warn!(%error, "the trace of this node cannot be written, and ends");
        self.trace = None;
    }
}

#[cfg(all(test, feature = "trace"))]
mod tests {
    use super::*;
    use seaworthy_protocol::{Config, Durable, NodeId, NodeSet};

    #[test]
    fn a_trace_that_cannot_be_written_ends_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(NodeSet::first(3)).unwrap();
        let node: Node<u64> = Node::restart(NodeId::new(2).unwrap(), Durable::default());
        let mut recorder = Recorder::begin(directory.path(), 1, &config, &node);
        assert!(recorder.trace.is_some());
        recorder.go_on(Err(std::io::Error::other("the disk is full")));
        assert!(recorder.trace.is_none());
        // There is one of this start already.
        let mut recorder = Recorder::begin(directory.path(), 1, &config, &node);
        assert!(recorder.trace.is_none());
        recorder.take_in(&Input::<u64>::Replicate);
        recorder.see(&node);
    }
}
