//! Counterexamples as files: a script to replay, JSON for tools, a picture to look at.

use crate::picture::{self, Caption};
use crate::report::Report;
use crate::system::Raft;
use crate::trace::{self, Script};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes a file, or says which one could not be written.
///
/// # Errors
///
/// A line that names the file.
pub fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))
}

/// Draws all steps of a script.
///
/// # Errors
///
/// If the script cannot be replayed in this box, which no parsed script is known to be.
pub fn svg(model: &Raft, caption: Caption<'_>, script: &Script) -> Result<String, String> {
    let states = trace::replay(model, &script.0);
    let picture = states.and_then(|states| picture::draw(model, caption, &script.0, &states, usize::MAX));
    picture.ok_or_else(|| format!("{} cannot be replayed in {}", caption.title, model.name()))
}

/// Writes each counterexample of a report into a directory as `BOX-PROPERTY.script`, `.json` and `.svg`. `request` is the box
/// with its flags as they are given on the command line. Answers the scripts.
///
/// # Errors
///
/// If a file cannot be written; the error names it.
pub fn counterexamples(
    directory: &Path,
    model: &Raft,
    report: &Report,
    request: &str,
) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut saved = Vec::new();
    for verdict in report.broken() {
        let Some(counterexample) = &verdict.counterexample else { continue };
        let property = &verdict.property;
        let script = trace::parse(model, &counterexample.script.join("\n"))?;
        let file = |kind: &str| {
            let name = format!("{}-{property}.{kind}", report.r#box.replace('/', "-"));
            directory.join(name)
        };
        let about = format!("falls in {} in {} steps", report.r#box, script.0.len());
        let text = format!("{}{script}", header(&file("script"), model, property, &about, request));
        write(&file("script"), &text)?;
        let json = serde_json::to_string_pretty(&trace::to_json(model, property, &script)?)?;
        write(&file("json"), &(json + "\n"))?;
        write(&file("svg"), &svg(model, Caption { title: property, about: &about }, &script)?)?;
        saved.push(file("script"));
    }
    Ok(saved)
}

/// What a script says of itself. Lines that begin with `#` are skipped when it is replayed.
fn header(file: &Path, model: &Raft, property: &str, about: &str, request: &str) -> String {
    let mutant = model.mutant_name().map_or_else(String::new, |mutant| format!("# mutant: {mutant}\n"));
    let bounds = model.bounds().full_name();
    let file = file.display();
    format!(
        "# {property} {about}\n# box: {bounds}\n{mutant}# replay: seaworthy-model trace --script {file} --box {request}\n"
    )
}

/// Makes the directory that counterexamples go to, before a long search and not after it.
///
/// # Errors
///
/// A line that names it.
pub fn prepare(directory: &Path) -> Result<(), String> {
    fs::create_dir_all(directory).map_err(|error| format!("cannot create {}: {error}", directory.display()))
}
