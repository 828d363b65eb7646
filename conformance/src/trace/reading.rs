//! A node's lines, one start after the other. They are read as they are needed, for traces can be long.

use super::commands::{Command, Commands};
use super::format::{After, Digits, Header, Line, kept};
use super::mistake::{Misread, Mistake, said};
use seaworthy_protocol::{Config, Durable, Input, NodeId};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Display, Formatter};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A line of a file.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: usize,
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// What stands in a line.
pub(super) enum Item<'a> {
    Start(Start<'a>),
    Step(Step<'a>),
}

/// A node wakes up.
pub(super) struct Start<'a> {
    pub(super) starts: u64,
    pub(super) config: Config,
    pub(super) durable: Durable<Command<'a>>,
}

/// It takes a step.
pub(super) struct Step<'a> {
    pub(super) input: Input<Command<'a>>,
    pub(super) after: After,
    pub(super) digest: Digits,
}

/// What there is of one node.
pub(super) struct Reader {
    node: NodeId,
    /// Those that are left, by the number of the start.
    files: VecDeque<(u64, Arc<Path>)>,
    open: Option<(Lines, u64)>,
    pub(super) tally: Tally,
}

/// What was read so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) bytes: u64,
    /// Lines that were not finished, because their process was killed.
    pub(super) torn: usize,
    /// Starts of which nothing is there.
    pub(super) untold: u64,
    last: Option<u64>,
}

struct Lines {
    file: Arc<Path>,
    lines: BufReader<File>,
    line: usize,
}

/// The traces of a directory, by node.
pub(super) fn readers(directory: &Path) -> Result<BTreeMap<NodeId, Reader>, Misread> {
    let misread = |mistake| Misread { file: directory.to_owned(), line: 0, mistake };
    let mut files: BTreeMap<NodeId, BTreeMap<u64, PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(|error| misread(error.into()))? {
        let path = entry.map_err(|error| misread(error.into()))?.path();
        if let Some((node, starts)) = path.file_name().and_then(|name| name.to_str()).and_then(named) {
            files.entry(node).or_default().insert(starts, path);
        }
    }
    if files.is_empty() {
        return Err(misread(Mistake::NoTrace));
    }
    let reader = |(node, files): (NodeId, BTreeMap<u64, PathBuf>)| {
        let files = files.into_iter().map(|(starts, path)| (starts, Arc::from(path))).collect();
        (node, Reader { node, files, open: None, tally: Tally::default() })
    };
    Ok(files.into_iter().map(reader).collect())
}

/// Of which start of which node is a file of this name?
fn named(name: &str) -> Option<(NodeId, u64)> {
    let (node, starts) = name.strip_prefix("node-")?.strip_suffix(".ndjson")?.split_once("-start-")?;
    Some((NodeId::new(node.parse().ok()?)?, starts.parse().ok()?))
}

impl Reader {
    /// The next line of this node, if there is one.
    pub(super) fn next<'a>(
        &mut self,
        commands: &mut Commands<'a>,
    ) -> Result<Option<(Place, Item<'a>)>, Misread> {
        loop {
            if self.open.is_none() {
                let Some((starts, file)) = self.files.pop_front() else { return Ok(None) };
                self.open = Some((Lines::open(file)?, starts));
            }
            let Some((lines, starts)) = &mut self.open else { return Ok(None) };
            let Some(bytes) = lines.next(&mut self.tally)? else {
                self.open = None;
                continue;
            };
            let place = lines.place();
            let misread = |mistake| Misread { file: place.file.to_path_buf(), line: place.line, mistake };
            let item = if place.line == 1 {
                let header: Header = parse(&bytes, Mistake::NoHeader).map_err(misread)?;
                if (header.node, header.starts) != (self.node, *starts) {
                    return Err(misread(Mistake::OtherName));
                }
                let before = self.tally.last.replace(*starts);
                self.tally.untold += before.map_or(0, |before| starts.saturating_sub(before + 1));
                let config = header.config().map_err(misread)?;
                let durable = header.durable(commands).map_err(misread)?;
                Item::Start(Start { starts: *starts, config, durable })
            } else {
                let Line { input, after, digest } = parse(&bytes, Mistake::NoStep).map_err(misread)?;
                Item::Step(Step { input: kept(input, commands), after, digest })
            };
            return Ok(Some((place, item)));
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8], mistake: fn(String) -> Mistake) -> Result<T, Mistake> {
    serde_json::from_slice(bytes).map_err(|error| mistake(said(&error)))
}

impl Lines {
    fn open(file: Arc<Path>) -> Result<Self, Misread> {
        let lines = File::open(&file);
        let lines =
            lines.map_err(|error| Misread { file: file.to_path_buf(), line: 0, mistake: error.into() })?;
        Ok(Self { file, lines: BufReader::new(lines), line: 0 })
    }

    fn place(&self) -> Place {
        Place { file: Arc::clone(&self.file), line: self.line }
    }

    /// The next line that is whole. Of one that is not, nothing has left its process.
    fn next(&mut self, tally: &mut Tally) -> Result<Option<Vec<u8>>, Misread> {
        let mut bytes = Vec::new();
        self.line += 1;
        let read = self.lines.read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| Misread {
            file: self.file.to_path_buf(),
            line: self.line,
            mistake: error.into(),
        })?;
        tally.bytes += read as u64;
        if bytes.ends_with(b"\n") {
            return Ok(Some(bytes));
        }
        tally.torn += usize::from(read > 0);
        Ok(None)
    }
}
