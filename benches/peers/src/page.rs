//! The figures of the documentation, made from the file of a run: nobody copies numbers by hand.

use crate::growth::{self, results::Growth};
use crate::library::Lane;
use crate::measure::Failure;
use crate::plots;
use crate::report::{self, grouped};
use crate::results::{LaneResults, Results};
use std::fs;
use std::path::Path;

/// The file of a run.
pub(crate) const FIGURES: &str = "figures.json";
/// Between these two lines of the page stands what is made.
const BEGIN: &str = "<!-- made by `seaworthy-peers page`: what stands from here on is overwritten -->";
const END: &str = "<!-- what stands from here on is not -->";
/// And between these two what is made of how costs grow.
const GROWTH_BEGIN: &str =
    "<!-- made by `seaworthy-peers page` from what `growth` has measured: overwritten too -->";
const GROWTH_END: &str = "<!-- this is not any more -->";
/// Where the pictures are, as the page sees it.
const PICTURES: &str = "pictures/benchmarks";

/// Puts the figures of a run into the page, and its pictures beside the others: of a comparison, of how costs grow, or of both. What was not
/// measured stays as it was.
///
/// # Errors
///
/// If there is no such run, or the page has no place for it.
pub(crate) fn write(run: &Path, docs: &Path) -> Result<(), Failure> {
    let page = docs.join("benchmarks.md");
    let nowhere = || format!("no place in {}", page.display());
    let mut text = fs::read_to_string(&page)?;
    let pictures = docs.join(PICTURES);
    fs::create_dir_all(&pictures)?;
    let (compared, grown) = (run.join(FIGURES), Growth::read(run)?);
    if !compared.exists() && grown.is_none() {
        return Err(format!("no figures in {}", run.display()).into());
    }
    if compared.exists() {
        let results: Results = serde_json::from_str(&fs::read_to_string(compared)?)?;
        text = replaced(&text, (BEGIN, END), &section(&results)).ok_or_else(nowhere)?;
        draw(&results, &pictures)?;
    }
    if let Some(growth) = grown {
        let section = growth::page::section(&growth, PICTURES);
        text = replaced(&text, (GROWTH_BEGIN, GROWTH_END), &section).ok_or_else(nowhere)?;
        growth::page::draw(&growth, &pictures)?;
    }
    Ok(fs::write(page, text)?)
}

/// Draws all pictures of a run.
///
/// # Errors
///
/// If one cannot be drawn, or there is no room.
pub(crate) fn draw(results: &Results, directory: &Path) -> Result<(), Failure> {
    for lane in &results.lanes {
        for payload in payloads(lane) {
            fs::write(directory.join(name(lane, "throughput", payload)), plots::throughput(lane, payload)?)?;
            if has_latencies(lane) {
                fs::write(directory.join(name(lane, "latency", payload)), plots::latency(lane, payload)?)?;
            }
        }
    }
    Ok(())
}

/// In one thread nobody waits for anybody, so a latency is a throughput.
fn has_latencies(lane: &LaneResults) -> bool {
    lane.lane != Lane::Core
}

fn payloads(lane: &LaneResults) -> Vec<usize> {
    let mut payloads: Vec<usize> = lane.loads.iter().map(|load| load.payload).collect();
    payloads.sort_unstable();
    payloads.dedup();
    payloads
}

fn name(lane: &LaneResults, what: &str, payload: usize) -> String {
    format!("{}-{what}-{payload}.svg", lane.lane.name())
}

fn replaced(page: &str, (begin, end): (&str, &str), section: &str) -> Option<String> {
    let (before, rest) = page.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n\n{section}\n{end}{after}"))
}

fn section(results: &Results) -> String {
    let mut text = format!("{}.\n", results.machine.to_string().replace('\n', ".\n"));
    for lane in &results.lanes {
        text += &format!(
            "\n#### Lane {}\n\n{} repetitions of about {} s each.\n",
            lane.lane.name(),
            lane.repetitions,
            lane.seconds
        );
        if let Some(gate) = report::gate(lane) {
            text += &format!("\n{gate}");
        }
        for payload in payloads(lane) {
            let size = grouped(payload as f64);
            let picture = |caption: &str, what| {
                format!("\n![{caption}, {size} bytes]({PICTURES}/{})\n", name(lane, what, payload))
            };
            text += &picture("Entries a second", "throughput");
            if has_latencies(lane) {
                text += &picture("Latencies", "latency");
            }
            text += &format!("\n<details><summary>{size} bytes, in figures</summary>\n");
            for load in lane.loads.iter().filter(|load| load.payload == payload) {
                text += &format!("\n{}", report::table(lane.lane, load));
            }
            text += "\n</details>\n";
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: &str = include_str!("../golden/figures.json");
    const GOLDEN: &str = include_str!("../golden/figures.md");

    fn kept() -> Results {
        serde_json::from_str(KEPT).expect("it is a run")
    }

    #[test]
    fn the_page_comes_from_the_figures() {
        let made = section(&kept());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/figures.md");
            fs::write(path, &made).expect("the golden file is ours");
        } else {
            assert_eq!(made, GOLDEN, "UPDATE_GOLDEN=1 writes it anew");
        }
    }

    #[test]
    fn only_what_is_between_the_two_lines_is_replaced() {
        for lines in [(BEGIN, END), (GROWTH_BEGIN, GROWTH_END)] {
            let (begin, end) = lines;
            let page = format!("before\n{begin}\nold\n{end}\nafter\n");
            let made = replaced(&page, lines, "new\n").expect("there is a place");
            assert_eq!(made, format!("before\n{begin}\n\nnew\n\n{end}\nafter\n"));
            assert_eq!(replaced(&made, lines, "new\n"), Some(made.clone()), "again comes to the same");
            assert_eq!(replaced("before\n", lines, "new\n"), None);
            let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/benchmarks.md");
            let docs = fs::read_to_string(docs).expect("there is a page");
            assert!(replaced(&docs, lines, "new\n").is_some(), "it has a place for figures");
        }
    }

    #[test]
    fn what_was_not_measured_stays_as_it_was() {
        let place = crate::disk::place();
        let (run, docs) = (place.join("run"), place.join("docs"));
        fs::create_dir_all(&run).expect("there is room");
        fs::create_dir_all(&docs).expect("there is room");
        let page = docs.join("benchmarks.md");
        let text = format!("{BEGIN}\nold\n{END}\n{GROWTH_BEGIN}\nold too\n{GROWTH_END}\n");
        fs::write(&page, &text).expect("there is room");
        assert!(write(&run, &docs).is_err(), "nothing was measured");
        let growth = growth::page::tests::KEPT;
        fs::write(run.join(growth::results::FIGURES), growth).expect("there is room");
        write(&run, &docs).expect("there are figures");
        let made = fs::read_to_string(&page).expect("it is there");
        assert!(made.starts_with(&format!("{BEGIN}\nold\n{END}\n")) && !made.contains("old too"));
        assert!(docs.join(PICTURES).join("growth-nodes.svg").exists());
        fs::remove_file(run.join(growth::results::FIGURES)).expect("it is ours");
        fs::write(run.join(FIGURES), KEPT).expect("there is room");
        write(&run, &docs).expect("there are figures");
        let both = fs::read_to_string(&page).expect("it is there");
        assert!(!both.contains("\nold\n") && both.contains(&growth::page::tests::made()));
    }

    #[test]
    fn pictures_have_whatever_was_measured() {
        for lane in &kept().lanes {
            for payload in payloads(lane) {
                let drawn = [plots::throughput(lane, payload), plots::latency(lane, payload)];
                for picture in drawn {
                    let picture = picture.expect("it can be drawn");
                    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"));
                    for series in &lane.loads[0].libraries {
                        assert!(picture.contains(&series.library), "{} in {picture}", series.library);
                    }
                    assert!(!picture.contains("NaN"));
                }
            }
        }
    }
}
