//! The figures of the documentation, made from the file of a run: nobody copies numbers by hand.

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
/// Where the pictures are, as the page sees it.
const PICTURES: &str = "pictures/benchmarks";

/// Puts the figures of a run into the page, and its pictures beside the others.
///
/// # Errors
///
/// If there is no such run, or the page has no place for it.
pub(crate) fn write(run: &Path, docs: &Path) -> Result<(), Failure> {
    let results: Results = serde_json::from_str(&fs::read_to_string(run.join(FIGURES))?)?;
    let page = docs.join("benchmarks.md");
    let text = fs::read_to_string(&page)?;
    let text =
        replaced(&text, &section(&results)).ok_or_else(|| format!("no place in {}", page.display()))?;
    let pictures = docs.join(PICTURES);
    fs::create_dir_all(&pictures)?;
    draw(&results, &pictures)?;
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

fn replaced(page: &str, section: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{section}\n{END}{after}"))
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
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let made = replaced(&page, "new\n").expect("there is a place");
        assert_eq!(made, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(replaced(&made, "new\n"), Some(made.clone()), "again comes to the same");
        assert_eq!(replaced("before\n", "new\n"), None);
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/benchmarks.md");
        let docs = fs::read_to_string(docs).expect("there is a page");
        assert!(replaced(&docs, "new\n").is_some(), "it has a place for figures");
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
