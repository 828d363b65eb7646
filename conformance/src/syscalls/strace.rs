//! What strace writes down, read back: which calls a process made, and in which order they began and returned.
//!
//! The order of its lines is what counts. A thread stands still when it enters a call and when it leaves it, until strace has
//! taken note: whatever a thread did because a call of another one had returned comes after that return. What began in the meantime is
//! between the two halves of a call, the *unfinished* and the *resumed* one.
//!
//! Read is what `strace -f -qq -xx -y -ttt -T` writes, after [`squeeze`](super::squeeze) or as it is.

use super::bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead};

/// The calls of one process and of its threads.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// All of them, as they began.
    pub calls: Vec<Call>,
    /// When each began and returned, in order.
    pub moments: Vec<Moment>,
}

/// The beginning of a call, or its return.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// Which call.
    pub call: usize,
    /// Does it return?
    pub is_return: bool,
    /// Microseconds of the system's clock. Never less than those of the moment before.
    pub at: u64,
}

/// One call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    /// The line on which it begins.
    pub line: usize,
    /// Which moment is its beginning.
    pub began: usize,
    /// What it is to do.
    pub what: What,
    /// What it returned; nothing if the process died in it.
    pub result: Option<i64>,
}

/// What a call is to do. Files, sockets and pipes are called what the system calls them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum What {
    /// A file is opened.
    Open {
        /// Which.
        path: String,
        /// Is it made if it is not there?
        creates: bool,
        /// Is it emptied?
        truncates: bool,
    },
    /// Bytes go to a place in a file.
    WriteAt {
        /// Which.
        path: String,
        /// Where they go.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// Bytes go to whatever takes one after the other.
    Write {
        /// The number by which the process knows it.
        descriptor: u32,
        /// What it is.
        target: String,
        /// The bytes.
        bytes: Bytes,
    },
    /// A file or a directory is to be made durable.
    Sync {
        /// Which.
        path: String,
    },
    /// A name is changed.
    Rename {
        /// The old one.
        from: String,
        /// The new one.
        to: String,
    },
    /// A name is removed.
    Remove {
        /// Which.
        path: String,
    },
    /// Something else.
    Other {
        /// Its name.
        name: String,
        /// The files, sockets and names that it has to do with.
        paths: Vec<String>,
    },
}

/// What is no line of strace's, or lacks something.
#[derive(Debug)]
pub enum ParseError {
    /// The file cannot be read.
    Io(io::Error),
    /// A line cannot be understood.
    Line {
        /// Which, from 1 on.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Line { line, what } => write!(f, "line {line}: {what}"),
        }
    }
}

impl std::error::Error for ParseError {}

impl Trace {
    /// Reads all lines.
    ///
    /// # Errors
    ///
    /// Which line is none, and why.
    pub fn read(input: impl BufRead) -> Result<Self, ParseError> {
        let mut reader = Reader::default();
        for (number, line) in input.lines().enumerate() {
            let line = line.map_err(ParseError::Io)?;
            reader.take(number + 1, &line).map_err(|what| ParseError::Line { line: number + 1, what })?;
        }
        Ok(reader.trace)
    }
}

type Parsed<T> = Result<T, &'static str>;

#[derive(Default)]
struct Reader {
    trace: Trace,
    /// The call in which each thread is.
    unfinished: BTreeMap<u32, usize>,
    last: u64,
}

impl Reader {
    fn take(&mut self, number: usize, line: &str) -> Parsed<()> {
        let (thread, rest) =
            line.trim_start().split_once(' ').ok_or("it names no thread: record with -f -o")?;
        let thread = thread.parse().map_err(|_| "it names no thread: record with -f -o")?;
        let (at, rest) = rest.trim_start().split_once(' ').ok_or("it has no time: record with -ttt")?;
        let at = microseconds(at).ok_or("it has no time: record with -ttt")?;
        if rest.starts_with("+++ ") || rest.starts_with("--- ") {
            // A thread has ended, or got a signal.
            return Ok(());
        }
        if let Some(rest) = rest.strip_prefix("<... ") {
            let (_, rest) = rest.split_once(" resumed>").ok_or("nothing is resumed")?;
            let call = self.unfinished.remove(&thread).ok_or("what is resumed never began")?;
            let (result, _) = outcome(rest.rsplit_once(" = ").ok_or("it has no outcome")?.1)?;
            return self.returns(call, result, at);
        }
        let (name, rest) = rest.split_once('(').ok_or("it is no call")?;
        if let Some(arguments) = rest.strip_suffix("<unfinished ...>") {
            let (arguments, _) = split(arguments)?;
            let call = self.begins(number, what(name, &arguments)?, at);
            if self.unfinished.insert(thread, call).is_some() {
                return Err("the thread is in another call");
            }
            return Ok(());
        }
        let (arguments, rest) = split(rest)?;
        let call = self.begins(number, what(name, &arguments)?, at);
        let (result, took) = outcome(rest.trim_start().strip_prefix("= ").ok_or("it has no outcome")?)?;
        let took = match (result, took) {
            (Some(_), None) => return Err("it does not say how long it took: record with -T"),
            (Some(_), Some(took)) => took,
            (None, _) => 0,
        };
        self.returns(call, result, at.saturating_add(took))
    }

    fn begins(&mut self, line: usize, what: What, at: u64) -> usize {
        let call = self.trace.calls.len();
        self.trace.calls.push(Call { line, began: self.trace.moments.len(), what, result: None });
        self.note(call, false, at);
        call
    }

    /// It has no return if the process died in it.
    fn returns(&mut self, call: usize, result: Option<i64>, at: u64) -> Parsed<()> {
        if result.is_some() {
            self.trace.calls.get_mut(call).ok_or("what is resumed never began")?.result = result;
            self.note(call, true, at);
        }
        Ok(())
    }

    fn note(&mut self, call: usize, is_return: bool, at: u64) {
        self.last = self.last.max(at);
        self.trace.moments.push(Moment { call, is_return, at: self.last });
    }
}

/// Seconds with six digits behind the point.
fn microseconds(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.')?;
    if fraction.len() != 6 {
        return None;
    }
    let (seconds, fraction): (u64, u64) = (seconds.parse().ok()?, fraction.parse().ok()?);
    seconds.checked_mul(1_000_000)?.checked_add(fraction)
}

/// What stands behind the equals sign: a number, with or without the file or the error that it means, and how long it took. No number
/// if the process died.
fn outcome(text: &str) -> Parsed<(Option<i64>, Option<u64>)> {
    let text = text.trim();
    if text.starts_with("? ERESTART") {
        // A signal came before anything was done. The call is made again, and told again.
        return Ok((Some(-1), Some(0)));
    }
    let digits = text.trim_start_matches('-').find(|letter: char| !letter.is_ascii_digit());
    let end = digits.map_or(text.len(), |end| end + text.len() - text.trim_start_matches('-').len());
    let result = match text.get(..end).unwrap_or_default() {
        "" if text.starts_with('?') => None,
        number => Some(number.parse().map_err(|_| "its outcome is no number")?),
    };
    let took = text.strip_suffix('>').and_then(|text| text.rsplit_once(" <"));
    Ok((result, took.and_then(|(_, took)| microseconds(took))))
}

/// The arguments up to the closing bracket, or up to the end where there is none, and what follows it.
fn split(text: &str) -> Parsed<(Vec<&str>, &str)> {
    let (mut depth, mut is_quoted, mut begin) = (0_u32, false, 0);
    let mut arguments = Vec::new();
    let mut letters = text.bytes().enumerate();
    while let Some((at, letter)) = letters.next() {
        match letter {
            b'\\' => drop(letters.next()),
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b')' if depth == 0 => {
                arguments.push(text[begin..at].trim());
                return Ok((arguments, &text[at + 1..]));
            }
            b')' | b']' | b'}' | b'>' => depth = depth.checked_sub(1).ok_or("a bracket closes nothing")?,
            b',' if depth == 0 => {
                arguments.push(text[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    arguments.push(text[begin..].trim());
    Ok((arguments, ""))
}

fn what(name: &str, arguments: &[&str]) -> Parsed<What> {
    let argument = |at: usize| arguments.get(at).copied().ok_or("it lacks an argument");
    let number = |at| argument(at)?.parse::<u64>().map_err(|_| "an argument is no number");
    Ok(match name {
        "openat" => {
            let (path, flags) = (string(argument(1)?)?, argument(2)?);
            let has = |flag| flags.split('|').any(|other| other == flag);
            What::Open { path, creates: has("O_CREAT"), truncates: has("O_TRUNC") }
        }
        "pwrite64" => {
            let (_, path) = descriptor(argument(0)?)?;
            What::WriteAt { path, offset: number(3)?, bytes: whole(argument(1)?, number(2)?)? }
        }
        "write" | "sendto" => {
            let (descriptor, target) = descriptor(argument(0)?)?;
            What::Write { descriptor, target, bytes: whole(argument(1)?, number(2)?)? }
        }
        "fdatasync" | "fsync" => What::Sync { path: descriptor(argument(0)?)?.1 },
        "rename" => What::Rename { from: string(argument(0)?)?, to: string(argument(1)?)? },
        "renameat" | "renameat2" => What::Rename { from: string(argument(1)?)?, to: string(argument(3)?)? },
        "unlink" => What::Remove { path: string(argument(0)?)? },
        "unlinkat" => What::Remove { path: string(argument(1)?)? },
        _ => {
            let path = |argument: &&str| {
                descriptor(argument).map(|(_, path)| path).or_else(|_| string(argument)).ok()
            };
            What::Other { name: name.to_owned(), paths: arguments.iter().filter_map(path).collect() }
        }
    })
}

/// A number, and in angle brackets what it is: `7</directory/file>`.
fn descriptor(argument: &str) -> Parsed<(u32, String)> {
    let missing = "a descriptor is not told: record with -y";
    let (number, path) = argument.split_once('<').ok_or(missing)?;
    let number = number.parse().map_err(|_| missing)?;
    let (path, mark) = path.rsplit_once('>').ok_or(missing)?;
    Ok((number, text(path)? + mark))
}

/// A name in quotes.
fn string(argument: &str) -> Parsed<String> {
    let inside = argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    text(inside.ok_or("a name is not told whole")?)
}

fn text(escaped: &str) -> Parsed<String> {
    let bytes = Bytes::unescape(escaped).ok_or("its escapes are not those of -xx")?;
    String::from_utf8(bytes.to_vec()).map_err(|_| "a name is no text")
}

/// Bytes in quotes, all that the call was given.
fn whole(argument: &str, length: u64) -> Parsed<Bytes> {
    let inside = argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let bytes = inside.ok_or("its bytes are cut short: record with a larger -s")?;
    let bytes = Bytes::unescape(bytes).ok_or("its escapes are not those of -xx")?;
    if bytes.len() == length { Ok(bytes) } else { Err("it has not as many bytes as it says") }
}
