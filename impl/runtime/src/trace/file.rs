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
