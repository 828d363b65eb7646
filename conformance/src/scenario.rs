//! A script as a file: a header that says what it shows, the cluster, and commands with their golden outcomes.

use crate::command::{Command, NoCommand};
use crate::notation::{self, Unreadable};
use seaworthy_protocol::{Config, Durable, NodeId, NodeSet, Window};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::num::{NonZeroU64, NonZeroUsize};
use std::str::FromStr;

/// A script with its golden outcomes.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The rule that it shows, in words.
    pub rule: String,
    /// Where the rule is written.
    pub source: String,
    /// The cluster before the first command.
    pub setup: Setup,
    /// The commands, in order.
    pub steps: Vec<Step>,
    /// The file, without outcomes.
    lines: Vec<Line>,
}

/// A command and what must come of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The line of the file, counted from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
    /// What that means.
    pub command: Command,
    /// What the file says comes of it, line by line.
    pub golden: Vec<String>,
}

/// A cluster before the first command.
#[derive(Clone, Debug)]
pub struct Setup {
    count: u8,
    max_entries: Option<NonZeroUsize>,
    pre_vote: bool,
    check_quorum: bool,
    window: Option<NonZeroUsize>,
    window_bytes: Option<NonZeroUsize>,
    chunk: NonZeroU64,
    disks: BTreeMap<NodeId, Durable<u8>>,
}

/// A line of the file that stays as it is, and whether an outcome follows.
#[derive(Clone, Debug)]
struct Line {
    text: String,
    is_command: bool,
}

/// A file that is no scenario, and the line that makes it so.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake {
    /// The line of the file, counted from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Problem {
    /// The file does not begin with a header.
    NoHeader,
    /// The commands begin before the cluster is declared.
    NoCluster,
    /// The cluster is declared in another way than can be understood.
    BadCluster,
    /// An outcome that belongs to no command.
    StrayOutcome,
    /// A disk that is declared after the first command.
    LateDisk,
    /// A disk that cannot be read.
    BadDisk(Unreadable),
    /// A line that is no command.
    NoCommand(NoCommand),
}

impl Display for Mistake {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: \"{}\" {}", self.line, self.text, self.problem)
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader => f.write_str(
                "does not begin a header: one or two lines \"# …\" with the rule, then \"# Source: …\"",
            ),
            Self::NoCluster => f.write_str("comes before \"cluster COUNT\""),
            Self::BadCluster => {
                write!(
                    f,
                    "should be \"cluster COUNT\", of 1 to 64 nodes, perhaps with max-entries LIMIT, pre-vote, check-quorum, \
                    window ENTRIES, window-bytes BYTES, chunk BYTES"
                )
            }
            Self::StrayOutcome => f.write_str("is an outcome, and no command stands above it"),
            Self::LateDisk => f.write_str("comes after the first command; disks are declared before"),
            Self::BadDisk(unreadable) => write!(f, "cannot be read: {unreadable}"),
            Self::NoCommand(no_command) => no_command.fmt(f),
        }
    }
}

impl std::error::Error for Mistake {}

impl Setup {
    /// The nodes of the cluster.
    #[must_use]
    pub fn nodes(&self) -> NodeSet {
        NodeSet::first(self.count)
    }

    /// What every node is told of the cluster.
    ///
    /// # Panics
    ///
    /// Never: a scenario of no nodes is not parsed.
    #[must_use]
    pub fn config(&self) -> Config {
        let config = Config::new(self.nodes()).expect("a scenario has at least one node");
        let config = config.with_pre_vote(self.pre_vote).with_check_quorum(self.check_quorum);
        // Each entry weighs one byte, so the two limits differ only where entries on their way have been compacted.
        let bytes = |entries| self.window_bytes.unwrap_or(entries);
        let window = self.window.map(|entries| Window { entries, bytes: bytes(entries) });
        let config = config.with_window(window).with_max_bytes_per_chunk(self.chunk);
        self.max_entries.map_or(config, |limit| config.with_max_entries_per_append(limit))
    }

    /// What is on a node's disk.
    #[must_use]
    pub fn disk(&self, node: NodeId) -> Durable<u8> {
        self.disks.get(&node).cloned().unwrap_or_default()
    }
}

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The first [`Mistake`].
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let mut lines = text.lines().enumerate().map(|(number, text)| (number + 1, text)).peekable();
        let mut header = Vec::new();
        while let Some((_, text)) = lines.next_if(|(_, text)| text.starts_with('#')) {
            header.push(text);
        }
        let (rule, source) = read_header(&header)?;
        let lines = &mut lines.skip_while(|(_, text)| text.is_empty());
        let mistake = |line, text: &str, problem| Mistake { line, text: text.to_owned(), problem };
        let (line, text) = lines.next().unwrap_or((header.len() + 1, ""));
        let setup = read_cluster(text).map_err(|problem| mistake(line, text, problem))?;
        let mut scenario = Self { rule, source, setup, steps: Vec::new(), lines: Vec::new() };
        scenario.lines.extend(
            header.into_iter().chain([text]).map(|text| Line { text: text.to_owned(), is_command: false }),
        );
        for (line, text) in lines {
            scenario.read_line(line, text).map_err(|problem| mistake(line, text, problem))?;
        }
        Ok(scenario)
    }

    fn read_line(&mut self, line: usize, text: &str) -> Result<(), Problem> {
        if let Some(outcome) = text.strip_prefix([' ', '\t']) {
            // An outcome that is nowhere attached would be lost by the next update.
            let belongs = self.lines.last().is_some_and(|line| line.is_command);
            let step = self.steps.last_mut().filter(|_| belongs).ok_or(Problem::StrayOutcome)?;
            step.golden.push(outcome.trim().to_owned());
            return Ok(());
        }
        let text = text.trim_end();
        let is_command = !(text.is_empty() || text.starts_with('#') || self.declares_disk(text)?);
        if is_command {
            let command = Command::parse(self.setup.nodes(), text).map_err(Problem::NoCommand)?;
            self.steps.push(Step { line, text: text.to_owned(), command, golden: Vec::new() });
        }
        self.lines.push(Line { text: text.to_owned(), is_command });
        Ok(())
    }

    /// `n1 disk term=…` says what is on a disk before the first command.
    fn declares_disk(&mut self, text: &str) -> Result<bool, Problem> {
        let Some((node, disk)) = text.split_once(" disk term=") else { return Ok(false) };
        let node = notation::node(node).map_err(Problem::BadDisk)?;
        let disk = notation::disk(&format!("term={disk}")).map_err(Problem::BadDisk)?;
        if !self.setup.nodes().contains(node) {
            return Err(Problem::NoCommand(NoCommand::Stranger(node)));
        }
        if !self.steps.is_empty() {
            return Err(Problem::LateDisk);
        }
        self.setup.disks.insert(node, disk);
        Ok(true)
    }

    /// The file with these outcomes, one for each command.
    #[must_use]
    pub fn with_outcomes(&self, outcomes: &[Vec<String>]) -> String {
        let mut outcomes = outcomes.iter();
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(&line.text);
            text.push('\n');
            let outcome = if line.is_command { outcomes.next() } else { None };
            for line in outcome.into_iter().flatten() {
                text.push_str("    ");
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }
}

fn read_header(header: &[&str]) -> Result<(String, String), Mistake> {
    let mistake = || Mistake {
        line: header.len().max(1),
        text: header.last().copied().unwrap_or_default().to_owned(),
        problem: Problem::NoHeader,
    };
    let words = |line: &str| line.trim_start_matches('#').trim().to_owned();
    match header {
        [rule @ .., source] if (1..=2).contains(&rule.len()) => {
            let source = source.strip_prefix("# Source: ").ok_or_else(mistake)?;
            let rule: Vec<String> = rule.iter().copied().map(words).collect();
            Ok((rule.join(" "), source.to_owned()))
        }
        _ => Err(mistake()),
    }
}

fn read_cluster(text: &str) -> Result<Setup, Problem> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (count, mut options) = match words[..] {
        ["cluster", count, ref options @ ..] => (count, options),
        ["cluster"] => return Err(Problem::BadCluster),
        _ => return Err(Problem::NoCluster),
    };
    let count =
        count.parse().ok().filter(|count| (1..=NodeId::MAX).contains(count)).ok_or(Problem::BadCluster)?;
    let mut setup = Setup {
        count,
        max_entries: None,
        pre_vote: false,
        check_quorum: false,
        window: None,
        window_bytes: None,
        chunk: NonZeroU64::MIN,
        disks: BTreeMap::new(),
    };
    while let Some((option, rest)) = options.split_first() {
        options = rest;
        match *option {
            "pre-vote" => setup.pre_vote = true,
            "check-quorum" => setup.check_quorum = true,
            "max-entries" => {
                (setup.max_entries, options) = limit(rest).map(|(limit, rest)| (Some(limit), rest))?;
            }
            "window" => (setup.window, options) = limit(rest).map(|(limit, rest)| (Some(limit), rest))?,
            "window-bytes" => {
                (setup.window_bytes, options) = limit(rest).map(|(limit, rest)| (Some(limit), rest))?;
            }
            "chunk" => (setup.chunk, options) = limit(rest)?,
            _ => return Err(Problem::BadCluster),
        }
    }
    Ok(setup)
}

/// The number behind an option, and the options that follow.
fn limit<'a, 'b, N: FromStr>(options: &'a [&'b str]) -> Result<(N, &'a [&'b str]), Problem> {
    let (limit, rest) = options.split_first().ok_or(Problem::BadCluster)?;
    Ok((limit.parse().map_err(|_| Problem::BadCluster)?, rest))
}
