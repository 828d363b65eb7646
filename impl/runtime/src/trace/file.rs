//! A node's trace while it is written: a file for each of its starts.

use super::digest::{Digest, command_digest};
use super::format::{After, Header, shown};
use crate::Command;
use seaworthy_protocol::{Config, Input, Node};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The trace of one start of a node.
#[derive(Debug)]
pub(crate) struct Trace {
    file: File,
    /// What is being put together.
    line: Vec<u8>,
    command: Vec<u8>,
    digest: Digest,
}

impl Trace {
    /// Begins one, with all that the node holds.
    pub(crate) fn begin<C: Command>(
        directory: &Path,
        starts: u64,
        config: &Config,
        node: &Node<C>,
    ) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let name = format!("node-{}-start-{starts}.ndjson", node.id().get());
        // Never over another one: two lives of a node in one file would be no life of any.
        let file = File::create_new(directory.join(name))?;
        let (line, command) = (Vec::new(), Vec::new());
        let mut trace = Self { file, line, command, digest: Digest::default() };
        serde_json::to_writer(&mut trace.line, &Header::of(starts, config, node))?;
        trace.write()?;
        // From now on only what is new is looked at.
        trace.digest_of(node);
        Ok(trace)
    }

    /// A step begins.
    pub(crate) fn take_in<C: Command>(&mut self, input: &Input<C>) -> io::Result<()> {
        self.line.extend_from_slice(b"{\"input\":");
        Ok(serde_json::to_writer(&mut self.line, &shown(input))?)
    }

    /// It is over. When this returns, the system has the line, also if the process is killed then.
    pub(crate) fn see<C: Command>(&mut self, node: &Node<C>) -> io::Result<()> {
        let digest = self.digest_of(node);
        self.line.extend_from_slice(b",\"after\":");
        serde_json::to_writer(&mut self.line, &After::of(node))?;
        write!(self.line, ",\"digest\":\"{digest:016x}\"}}")?;
        self.write()
    }

    fn digest_of<C: Command>(&mut self, node: &Node<C>) -> u64 {
        let Self { command: bytes, digest, .. } = self;
        digest.of(node, |command| {
            bytes.clear();
            command.encode(bytes);
            command_digest(bytes)
        })
    }

    fn write(&mut self) -> io::Result<()> {
        self.line.push(b'\n');
        let written = self.file.write_all(&self.line);
        self.line.clear();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_protocol::{Durable, Effects, NodeId, NodeSet, Recording};
    use std::io::ErrorKind;

    fn begun(directory: &Path) -> io::Result<(Trace, Config, Node<u64>)> {
        let config = Config::new(NodeSet::first(3)).unwrap();
        let node = Node::restart(NodeId::new(2).unwrap(), Durable::default());
        Ok((Trace::begin(directory, 7, &config, &node)?, config, node))
    }

    fn step(trace: &mut Trace, config: &Config, node: &mut Node<u64>) -> io::Result<()> {
        let input = Input::Propose(0x0203);
        trace.take_in(&input)?;
        node.step(config, input, &mut Effects::new(Recording::default()));
        trace.see(node)
    }

    #[test]
    fn a_line_is_in_the_file_when_its_step_is_over() {
        let directory = tempfile::tempdir().unwrap();
        let (mut trace, config, mut node) = begun(directory.path()).unwrap();
        let text = || fs::read_to_string(directory.path().join("node-2-start-7.ndjson")).unwrap();
        assert_eq!(text().lines().count(), 1);
        for lines in 2..5 {
            step(&mut trace, &config, &mut node).unwrap();
            let text = text();
            assert_eq!((text.lines().count(), text.ends_with("\"}\n")), (lines, true), "{text}");
            assert!(
                text.lines().last().unwrap().starts_with(r#"{"input":{"Propose":"0302000000000000"},"#),
                "{text}"
            );
        }
    }

    #[test]
    fn no_trace_is_put_over_another() {
        let directory = tempfile::tempdir().unwrap();
        let (mut trace, config, mut node) = begun(directory.path()).unwrap();
        assert_eq!(begun(directory.path()).unwrap_err().kind(), ErrorKind::AlreadyExists);
        step(&mut trace, &config, &mut node).unwrap();
    }

    #[test]
    fn what_the_system_says_of_a_line_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let (mut trace, config, mut node) = begun(directory.path()).unwrap();
        trace.file = File::open(directory.path().join("node-2-start-7.ndjson")).unwrap();
        assert!(step(&mut trace, &config, &mut node).is_err(), "a file that was opened to be read");
    }
}
