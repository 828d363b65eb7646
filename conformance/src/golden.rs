//! Outcomes compared with the golden ones, or written anew.

use crate::judge::Breach;
use crate::scenario::{Mistake, Scenario, Setup};
use crate::stage;
use crate::subject::Subject;
use similar::TextDiff;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What to do about an outcome that is not the golden one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Golden {
    /// Report it.
    Compare,
    /// Write it into the file. A breach is never written: it stays a failure.
    Update,
}

/// Why a scenario fails.
#[derive(Debug)]
pub enum Failure {
    /// The file cannot be read or written.
    File(PathBuf, io::Error),
    /// It is no scenario.
    Mistake(PathBuf, Mistake),
    /// Something else comes of it than the file says.
    Differs {
        /// The file.
        file: PathBuf,
        /// The line of the first command with another outcome.
        line: usize,
        /// The file's difference to what it should be.
        diff: String,
    },
    /// A property is broken.
    Breached {
        /// The file.
        file: PathBuf,
        /// The line of the command that breaks it.
        line: usize,
        /// The command and what came of it.
        outcome: String,
        /// What is broken.
        breach: Breach,
    },
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file, error) => write!(f, "{}: {error}", file.display()),
            Self::Mistake(file, mistake) => {
                write!(f, "{}:{}: \"{}\" {}", file.display(), mistake.line, mistake.text, mistake.problem)
            }
            Self::Differs { file, line, diff } => {
                writeln!(f, "{}:{line}: something else comes of this than the file says", file.display())?;
                write!(f, "{diff}to accept it: UPDATE_GOLDEN=1 cargo test -p seaworthy-conformance")
            }
            Self::Breached { file, line, outcome, breach } => {
                write!(f, "{}:{line}: {breach}\n{outcome}", file.display())
            }
        }
    }
}

impl std::error::Error for Failure {}

/// Runs every scenario of a directory, in the order of their names, and answers how many there are.
///
/// # Errors
///
/// All that fail.
pub fn run_all<S: Subject>(
    directory: &Path,
    golden: Golden,
    subject: impl Fn(&Setup) -> S,
) -> Result<usize, Vec<Failure>> {
    let files = files(directory).map_err(|error| vec![Failure::File(directory.to_owned(), error)])?;
    let run = |file: &PathBuf| run_file(file, golden, &subject).err();
    let failures: Vec<Failure> = files.iter().filter_map(run).collect();
    if failures.is_empty() { Ok(files.len()) } else { Err(failures) }
}

/// The scenarios of a directory, in the order of their names.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "scenario"));
    files.sort();
    Ok(files)
}

/// Runs one scenario.
///
/// # Errors
///
/// The [`Failure`].
pub fn run_file<S: Subject>(
    file: &Path,
    golden: Golden,
    subject: impl Fn(&Setup) -> S,
) -> Result<(), Failure> {
    let at = |error| Failure::File(file.to_owned(), error);
    let text = fs::read_to_string(file).map_err(at)?;
    let scenario = Scenario::parse(&text).map_err(|mistake| Failure::Mistake(file.to_owned(), mistake))?;
    let run = stage::run(&scenario, subject(&scenario.setup));
    if let Some((number, breach)) = run.breach {
        let step = &scenario.steps[number];
        let outcome = format!("{}\n    {}", step.text, run.outcomes[number].join("\n    "));
        return Err(Failure::Breached { file: file.to_owned(), line: step.line, outcome, breach });
    }
    let now = scenario.with_outcomes(&run.outcomes);
    if now == text {
        return Ok(());
    }
    if golden == Golden::Update {
        return fs::write(file, now).map_err(at);
    }
    let differs = scenario.steps.iter().zip(&run.outcomes).find(|(step, outcome)| step.golden != **outcome);
    let line = differs.map_or(1, |(step, _)| step.line);
    let diff = TextDiff::from_lines(&text, &now)
        .unified_diff()
        .context_radius(3)
        .header("the file", "what comes of it")
        .to_string();
    Err(Failure::Differs { file: file.to_owned(), line, diff })
}
