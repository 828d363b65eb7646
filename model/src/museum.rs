//! The museum of mutants: each historical bug is planted in a copy of the protocol, and the checker must notice.
//!
//! A source mutant is a patch in `model/mutants/` with a header:
//!
//! ```text
//! Bug: what is wrong, in a line
//! Paper: the section that says how it should be
//! Seen: where it happened
//! Falls: the property that must fall, in BOX/BATCHING
//! ```
//!
//! There may be several `Falls` lines. Where no box that can be exhausted is large enough, a script of `model/scripts/` shows what
//! the bug leads to: `Falls: PROPERTY in BOX/BATCHING --terms 4 by SCRIPT`. A patch with `Survives: in BOX/BATCHING` instead must change nothing, not even the
//! number of states: the canary, which tests the museum itself.

use crate::bounds::{Bounds, DeadRules};
use crate::check::{self, Options, Until};
use crate::kept::Kept;
use crate::matrix::{Matrix, Row};
use crate::mutants::BuiltIn;
use crate::properties;
use crate::report::Report;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// All mutants of a clone of seaworthy.
pub struct Museum {
    root: PathBuf,
    exhibits: Vec<Exhibit>,
}

/// One mutant.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// Its name on the command line.
    pub name: String,
    /// What is wrong.
    pub bug: String,
    /// Where it is written how it should be.
    pub paper: String,
    /// Where the bug was seen.
    pub seen: String,
    expectations: Vec<Expectation>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Source(PathBuf),
    BuiltIn(BuiltIn),
}

/// What must become of a mutant in a box.
#[derive(Clone, Debug)]
struct Expectation {
    falls: Option<String>,
    bounds: String,
    /// Played instead of a search, within the box with these alterations.
    script: Option<Played>,
}

#[derive(Clone, Debug)]
struct Played {
    file: String,
    flags: Vec<String>,
}

/// What matters here of a trace told as JSON.
#[derive(Deserialize)]
struct Told {
    steps: Vec<ToldStep>,
}

#[derive(Deserialize)]
struct ToldStep {
    broken: Vec<String>,
}

/// Why mutants cannot be shown.
#[derive(Debug)]
pub enum MuseumError {
    /// Not within a clone of the repository.
    NoClone(PathBuf),
    /// No such mutant.
    Unknown(String, Vec<String>),
    /// A patch's header lacks something.
    BadHeader(PathBuf, &'static str),
    /// A patch does not apply any more.
    DoesNotApply(String, String),
    /// A mutant does not build, or its check does not run.
    Failed(String, String),
    /// A file cannot be read or written.
    File(PathBuf, io::Error),
}

impl Museum {
    /// Opens the museum of the clone that a directory lies in.
    ///
    /// # Errors
    ///
    /// Outside a clone, or if a patch has no proper header.
    pub fn open(directory: &Path) -> Result<Self, MuseumError> {
        let is_root = |path: &&Path| path.join("model/mutants").is_dir() && path.join("Cargo.toml").is_file();
        let root =
            directory.ancestors().find(is_root).ok_or_else(|| MuseumError::NoClone(directory.to_owned()))?;
        let patches = root.join("model/mutants");
        let listing = fs::read_dir(&patches).map_err(at(&patches))?;
        let mut files: Vec<PathBuf> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
        files.sort();
        let sources = files.into_iter().map(Exhibit::from_patch).collect::<Result<Vec<_>, _>>()?;
        let built_in = BuiltIn::all().into_iter().map(Exhibit::from_built_in);
        Ok(Self { root: root.to_owned(), exhibits: sources.into_iter().chain(built_in).collect() })
    }

    /// The mutants of these names, all if there is none.
    ///
    /// # Errors
    ///
    /// If a name is unknown.
    pub fn choose(&self, names: &[String]) -> Result<Vec<Exhibit>, MuseumError> {
        let choices = || self.exhibits.iter().map(|exhibit| exhibit.name.clone()).collect();
        let named = |name: &String| {
            let found = self.exhibits.iter().find(|exhibit| exhibit.name == *name);
            found.cloned().ok_or_else(|| MuseumError::Unknown(name.clone(), choices()))
        };
        if names.is_empty() { Ok(self.exhibits.clone()) } else { names.iter().map(named).collect() }
    }

    /// Shows mutants: plants each, builds, checks its boxes. Tells what it is about to do. One that does not apply or build is a
    /// row of the matrix that is not as expected.
    pub fn show(&self, exhibits: &[Exhibit], tell: impl Fn(&str)) -> Matrix {
        let mut rows = Vec::new();
        for exhibit in exhibits {
            tell(&format!("{}: {}", exhibit.name, exhibit.bug));
            for expectation in &exhibit.expectations {
                let row = self.row(exhibit, expectation).unwrap_or_else(|error| {
                    tell(&error.to_string());
                    let (name, bounds) = (&exhibit.name, &expectation.bounds);
                    Row::failed(name, bounds, expectation.falls.clone(), error.to_string())
                });
                rows.push(row);
            }
        }
        Matrix::new(rows)
    }

    fn row(&self, exhibit: &Exhibit, expectation: &Expectation) -> Result<Row, MuseumError> {
        if let Some(played) = &expectation.script {
            return self.play(exhibit, expectation, played);
        }
        let report = self.report(exhibit, expectation, None)?;
        Ok(Row::new(&exhibit.name, &expectation.bounds, expectation.falls.clone(), report))
    }

    /// How a mutant breaks the first property that it must break, as a scenario; nothing for one that must survive.
    ///
    /// # Errors
    ///
    /// If a patch does not apply, a mutant does not build, or the property does not fall.
    pub fn keep(&self, exhibit: &Exhibit) -> Result<Option<Kept>, MuseumError> {
        let failed = |what: String| MuseumError::Failed(exhibit.name.clone(), what);
        for expectation in &exhibit.expectations {
            let (Some(property), None) = (&expectation.falls, &expectation.script) else { continue };
            let bounds = one_box(&expectation.bounds).map_err(failed)?;
            let report = self.report(exhibit, expectation, Some(property))?;
            let verdict = report.verdicts.into_iter().find(|verdict| verdict.property == *property);
            let Some(counterexample) = verdict.and_then(|verdict| verdict.counterexample) else {
                return Err(failed(format!("{property} does not fall in {}", expectation.bounds)));
            };
            let property = property.clone();
            return Ok(Some(Kept {
                exhibit: exhibit.clone(),
                property,
                bounds,
                script: counterexample.script,
            }));
        }
        Ok(None)
    }

    /// What a mutant does in a box: to the end, or until a property has fallen.
    fn report(
        &self,
        exhibit: &Exhibit,
        expectation: &Expectation,
        until: Option<&str>,
    ) -> Result<Report, MuseumError> {
        let failed = |what: String| MuseumError::Failed(exhibit.name.clone(), what);
        match &exhibit.kind {
            Kind::BuiltIn(mutant) => {
                let bounds = one_box(&expectation.bounds).map_err(failed)?;
                let options = match until.map(|property| properties::named(&bounds, property)) {
                    None => Options { until: Until::Exhausted, ..Options::default() },
                    Some(Ok(property)) => {
                        Options { until: Until::Falls(property), threads: 1, ..Options::default() }
                    }
                    Some(Err(unknown)) => return Err(failed(unknown)),
                };
                Ok(check::run(mutant.applied_to(bounds), options))
            }
            Kind::Source(_) => {
                // On one thread a search finds the same script every time.
                let search = match until {
                    None => vec!["--keep-going"],
                    Some(property) => vec!["--until", property, "--threads", "1"],
                };
                let arguments: Vec<&str> =
                    ["check", &expectation.bounds, "--json"].into_iter().chain(search).collect();
                self.ask(exhibit, &arguments)
            }
        }
    }

    /// Asks a mutant of the protocol for a report.
    ///
    /// # Errors
    ///
    /// If it cannot be planted, built or understood.
    pub fn ask(&self, exhibit: &Exhibit, arguments: &[&str]) -> Result<Report, MuseumError> {
        let failed = |what: String| MuseumError::Failed(exhibit.name.clone(), what);
        let Kind::Source(patch) = &exhibit.kind else {
            return Err(failed("it is built into the model".to_owned()));
        };
        let tree = self.plant(&exhibit.name, patch)?;
        let json = self.run(&tree, &exhibit.name, arguments)?;
        serde_json::from_slice(&json).map_err(|error| failed(error.to_string()))
    }

    /// Plays a kept script on a mutant of the protocol.
    fn play(
        &self,
        exhibit: &Exhibit,
        expectation: &Expectation,
        played: &Played,
    ) -> Result<Row, MuseumError> {
        let failed = |what: String| MuseumError::Failed(exhibit.name.clone(), what);
        let Kind::Source(patch) = &exhibit.kind else {
            return Err(failed("scripts are played on patches of the protocol alone".to_owned()));
        };
        let tree = self.plant(&exhibit.name, patch)?;
        let script = self.root.join("model/scripts").join(&played.file);
        let arguments =
            ["trace", "--json", "--script", &script.to_string_lossy(), "--box", &expectation.bounds];
        let arguments: Vec<&str> =
            arguments.into_iter().chain(played.flags.iter().map(String::as_str)).collect();
        let json = self.run(&tree, &exhibit.name, &arguments)?;
        let told: Told = serde_json::from_slice(&json).map_err(|error| failed(error.to_string()))?;
        let mut fallen = BTreeMap::new();
        for (step, state) in told.steps.into_iter().enumerate() {
            state.broken.into_iter().for_each(|property| {
                fallen.entry(property).or_insert(step);
            });
        }
        Ok(Row::played(&exhibit.name, &played.file, expectation.falls.clone(), fallen))
    }

    fn plant(&self, name: &str, patch: &Path) -> Result<PathBuf, MuseumError> {
        let tree = self.root.join("target/mutants/tree");
        plant(&self.root, &tree, name, patch)?;
        Ok(tree)
    }

    /// Builds the planted copy and asks it something, in JSON.
    fn run(&self, tree: &Path, name: &str, arguments: &[&str]) -> Result<Vec<u8>, MuseumError> {
        let failed = |what: String| MuseumError::Failed(name.to_owned(), what);
        let target = self.root.join("target/mutants/target");
        let build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--quiet", "--package", "seaworthy-model", "--profile", "mutant", "--target-dir"])
            .arg(&target)
            .current_dir(tree)
            .output()
            .map_err(at(tree))?;
        if !build.status.success() {
            return Err(failed(String::from_utf8_lossy(&build.stderr).into_owned()));
        }
        let binary = target.join("mutant/seaworthy-model");
        let run = Command::new(&binary).args(arguments).output().map_err(at(&binary))?;
        if run.stdout.is_empty() {
            return Err(failed(format!("{}: {}", run.status, String::from_utf8_lossy(&run.stderr))));
        }
        Ok(run.stdout)
    }

    /// Checks that every patch applies to the protocol as it is now.
    ///
    /// # Errors
    ///
    /// [`MuseumError::DoesNotApply`] for the first that does not.
    pub fn all_apply(&self) -> Result<usize, MuseumError> {
        let scratch = tempfile::tempdir().map_err(at(Path::new("a temporary directory")))?;
        let mut applied = 0;
        for exhibit in &self.exhibits {
            let Kind::Source(patch) = &exhibit.kind else { continue };
            mirror(&self.root.join("impl"), &scratch.path().join("impl"))?;
            let output = git_apply(scratch.path(), patch)?;
            if !output.status.success() {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(MuseumError::DoesNotApply(exhibit.name.clone(), why));
            }
            applied += 1;
        }
        Ok(applied)
    }

    /// Re-cuts every patch against the protocol as it is now: applies it three-way in a scratch clone and writes what comes
    /// out. False if some patch needs a hand; it is left as it was.
    ///
    /// # Errors
    ///
    /// If git or a file fails.
    pub fn refresh(&self) -> Result<bool, MuseumError> {
        let mut all_fresh = true;
        for exhibit in &self.exhibits {
            let Kind::Source(patch) = &exhibit.kind else { continue };
            match self.recut(patch)? {
                Ok(diff) => {
                    let old = fs::read_to_string(patch).map_err(at(patch))?;
                    let header = old.split("diff --git").next().unwrap_or_default();
                    fs::write(patch, format!("{header}{diff}")).map_err(at(patch))?;
                }
                Err(why) => {
                    eprintln!("{}: {}", exhibit.name, why.trim());
                    all_fresh = false;
                }
            }
        }
        Ok(all_fresh)
    }

    /// What a patch does to the protocol as it is now, or why it cannot be applied.
    fn recut(&self, patch: &Path) -> Result<Result<String, String>, MuseumError> {
        let scratch = tempfile::tempdir().map_err(at(patch))?;
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command.args(arguments).current_dir(scratch.path()).output().map_err(at(scratch.path()))
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        git(&["clone", "--quiet", "--shared", &self.root.to_string_lossy(), "."])?;
        // Work in progress counts: what the patch is cut against is the tree as it stands.
        mirror(&self.root.join("impl"), &scratch.path().join("impl"))?;
        git(&["add", "impl"])?;
        let base = text(&git(&["write-tree"])?.stdout);
        let applied = git(&["apply", "--3way", &patch.to_string_lossy()])?;
        if !applied.status.success() {
            return Ok(Err(text(&applied.stderr)));
        }
        Ok(Ok(text(&git(&["diff", "--cached", base.trim(), "--", "impl"])?.stdout)))
    }
}

impl Exhibit {
    /// The properties that must fall, each with the box; no property where the mutant must survive.
    pub fn expectations(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.expectations
            .iter()
            .map(|expectation| (expectation.falls.as_deref(), expectation.bounds.as_str()))
    }

    /// The first box in which it must fall to a search; nothing for the canary and for what is built into the model.
    #[must_use]
    pub fn searched_in(&self) -> Option<&str> {
        let searched =
            |expectation: &&Expectation| expectation.script.is_none() && expectation.falls.is_some();
        let bounds = self.expectations.iter().find(searched)?.bounds.as_str();
        matches!(self.kind, Kind::Source(_)).then_some(bounds)
    }

    /// The kept scripts that are played on it.
    pub fn scripts(&self) -> impl Iterator<Item = &str> {
        let played = self.expectations.iter().filter_map(|expectation| expectation.script.as_ref());
        played.map(|played| played.file.as_str())
    }

    fn from_patch(path: PathBuf) -> Result<Self, MuseumError> {
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let header = text.split("diff --git").next().unwrap_or_default();
        let all =
            |key: &'static str| header.lines().filter_map(move |line| line.strip_prefix(key)).map(str::trim);
        let one =
            |key: &'static str| all(key).next().ok_or_else(|| MuseumError::BadHeader(path.clone(), key));
        let bug = one("Bug:")?.to_owned();
        let paper = one("Paper:")?.to_owned();
        let seen = one("Seen:")?.to_owned();
        let falls = all("Falls:").map(|line| line.split_once(" in "));
        let survives = all("Survives:").map(|line| Some(("", line.strip_prefix("in ")?)));
        let expectation = |(property, place): (&str, &str)| {
            let (place, script) = place.split_once(" by ").map_or((place, None), |(p, s)| (p, Some(s)));
            let (bounds, flags) = place.split_once(' ').unwrap_or((place, ""));
            let flags = flags.split_whitespace().map(str::to_owned).collect();
            Expectation {
                falls: Some(property.to_owned()).filter(|property| !property.is_empty()),
                bounds: bounds.to_owned(),
                script: script.map(|file| Played { file: file.to_owned(), flags }),
            }
        };
        let expectations: Option<Vec<_>> = falls.chain(survives).map(|line| line.map(expectation)).collect();
        let Some(expectations) = expectations.filter(|expectations| !expectations.is_empty()) else {
            return Err(MuseumError::BadHeader(path, "Falls: PROPERTY in BOX/BATCHING"));
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, bug, paper, seen, expectations, kind: Kind::Source(path) })
    }

    fn from_built_in(mutant: BuiltIn) -> Self {
        let (falls, bounds) = (Some(mutant.falls.to_owned()), mutant.bounds.to_owned());
        let expectation = Expectation { falls, bounds, script: None };
        let (paper, seen) = match mutant.dead {
            DeadRules::Sound => (
                "docs/durability.md, the contract of a driver",
                "only here; no line of the protocol could do it",
            ),
            DeadRules::AgainstMemory => {
                ("docs/model.md, dead messages", "only here; it is a mutant of the checker")
            }
        };
        let [name, bug, paper, seen] = [mutant.name, mutant.bug, paper, seen].map(str::to_owned);
        Self { name, bug, paper, seen, expectations: vec![expectation], kind: Kind::BuiltIn(mutant) }
    }
}

/// The box of a name that says its batching.
fn one_box(name: &str) -> Result<Bounds, String> {
    match Bounds::named(name).map_err(|error| error.to_string())?[..] {
        [bounds] => Ok(bounds),
        _ => Err(format!("{name} is two boxes")),
    }
}

/// What is copied: the sources, and the documentation that tests read.
const PARTS: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "clippy.toml",
    "README.md",
    "docs",
    "impl",
    "model",
    "conformance",
    "benches",
];

/// Makes a directory a copy of the workspace at `root` with a patch applied. What is the same already is not touched.
///
/// # Errors
///
/// [`MuseumError::DoesNotApply`] if the source has changed under the patch.
pub fn plant(root: &Path, tree: &Path, name: &str, patch: &Path) -> Result<(), MuseumError> {
    fs::create_dir_all(tree).map_err(at(tree))?;
    for part in PARTS {
        mirror(&root.join(part), &tree.join(part))?;
    }
    let output = git_apply(tree, patch)?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(MuseumError::DoesNotApply(name.to_owned(), why));
    }
    Ok(())
}

/// Makes `to` like `from`. Writes only files that differ, so that a build sees only what changed.
fn mirror(from: &Path, to: &Path) -> Result<(), MuseumError> {
    if !from.is_dir() {
        let wanted = fs::read(from).map_err(at(from))?;
        let is_same = fs::read(to).is_ok_and(|present| present == wanted);
        return if is_same { Ok(()) } else { fs::write(to, wanted).map_err(at(to)) };
    }
    fs::create_dir_all(to).map_err(at(to))?;
    for name in names(from)? {
        mirror(&from.join(&name), &to.join(&name))?;
    }
    // What an earlier patch added is gone again.
    for name in names(to)?.into_iter().filter(|name| !from.join(name).exists()) {
        let stale = to.join(name);
        let removed = if stale.is_dir() { fs::remove_dir_all(&stale) } else { fs::remove_file(&stale) };
        removed.map_err(at(&stale))?;
    }
    Ok(())
}

fn names(directory: &Path) -> Result<Vec<OsString>, MuseumError> {
    let entries = fs::read_dir(directory).map_err(at(directory))?;
    entries.map(|entry| Ok(entry.map_err(at(directory))?.file_name())).collect()
}

/// Applies a patch to a directory as if it lay in no repository.
fn git_apply(directory: &Path, patch: &Path) -> Result<Output, MuseumError> {
    let mut git = Command::new("git");
    git.arg("apply").arg(patch).current_dir(directory);
    git.env("GIT_CEILING_DIRECTORIES", directory.parent().unwrap_or(directory))
        .output()
        .map_err(at(directory))
}

fn at(path: &Path) -> impl Fn(io::Error) -> MuseumError + use<'_> {
    move |error| MuseumError::File(path.to_owned(), error)
}

impl Display for MuseumError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClone(directory) => {
                let directory = directory.display();
                write!(
                    f,
                    "{directory} is not in a clone of seaworthy: the mutants are patches against its source"
                )
            }
            Self::Unknown(name, choices) => {
                write!(f, "no mutant is called \"{name}\"; there are {}", choices.join(", "))
            }
            Self::BadHeader(patch, key) => write!(f, "{} has no header line \"{key}\"", patch.display()),
            Self::DoesNotApply(name, why) => {
                let why = why.trim();
                write!(f, "{name} does not apply to the source any more: {why}; see `mutants refresh`")
            }
            Self::Failed(name, why) => write!(f, "{name} does not build or run: {}", why.trim()),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for MuseumError {}
