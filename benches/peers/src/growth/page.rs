//! What the documentation says of how costs grow: tables and pictures from the file of a run, and sentences whose numbers come from it.

use super::clusters::PAYLOAD;
use super::results::{Curve, Figure, Growth, Point, Way};
use crate::measure::Failure;
use crate::plots::growth::pictures;
use crate::report::{digits, grouped, rate, small};
use crate::statistics::{Estimate, Spread, estimate, spread};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Draws all pictures of a run.
///
/// # Errors
///
/// If one cannot be drawn, or there is no room.
pub(crate) fn draw(growth: &Growth, directory: &Path) -> Result<(), Failure> {
    for (file, picture) in pictures(growth)? {
        fs::write(directory.join(file), picture)?;
    }
    Ok(())
}

/// A part of the section: what it is called, how it is made, and the files of its pictures.
type Part = (&'static str, fn(&Growth) -> String, &'static [&'static str]);

/// Everything between the two lines of the page.
pub(crate) fn section(growth: &Growth, pictures: &str) -> String {
    let mut text = format!("{}.\n", growth.machine.to_string().replace('\n', ".\n"));
    let _ = writeln!(
        text,
        "{} interleaved repetitions of about {} s each; medians, with the interval of the sign test in brackets where there are enough.",
        growth.repetitions, growth.seconds
    );
    let others: Vec<f64> = growth.points.iter().flat_map(|point| point.of(Figure::Others)).collect();
    if !others.is_empty() {
        let Spread { median, min, max } = spread(&others);
        let _ = writeln!(text, "Others kept {median:.0} % of the machine busy ({min:.0}–{max:.0}).");
    }
    let parts: [Part; 4] = [
        ("More nodes", nodes, &["growth-nodes.svg"]),
        ("Larger payloads", payloads, &["growth-payload.svg"]),
        ("Longer logs", logs, &["growth-log.svg", "growth-pauses.svg"]),
        ("More proposers", proposers, &["growth-proposers.svg"]),
    ];
    for (title, part, files) in parts {
        let part = part(growth);
        if part.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n#### {title}");
        for file in files {
            let _ = writeln!(text, "\n![{title}]({pictures}/{file})");
        }
        text += &part;
    }
    for failure in growth.failures() {
        let _ = writeln!(text, "\nFAILED: {}", failure.replace('\n', " "));
    }
    text
}

/// A table, unless it has no rows.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!("\n| {} |\n|{}\n", head.join(" | "), "--:|".repeat(head.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// A median with its interval, of a figure or of what is made of it; a dash where nothing was measured.
fn told(
    point: Option<&Point>,
    figure: Figure,
    make: impl Fn(f64) -> f64,
    tell: impl Fn(f64) -> String,
) -> String {
    let figures: Vec<f64> =
        point.map(|point| point.of(figure).into_iter().map(make).collect()).unwrap_or_default();
    match estimate(&figures) {
        Estimate { median, .. } if median.is_nan() => "–".to_owned(),
        Estimate { median, interval: None } => tell(median),
        Estimate { median, interval: Some((low, high)) } => {
            format!("{} [{}–{}]", tell(median), tell(low), tell(high))
        }
    }
}

/// A median alone.
fn median(point: Option<&Point>, figure: Figure, tell: impl Fn(f64) -> String) -> String {
    let median = point.map_or(f64::NAN, |point| spread(&point.of(figure)).median);
    if median.is_nan() { "–".to_owned() } else { tell(median) }
}

const fn itself(figure: f64) -> f64 {
    figure
}

/// Entries a second.
fn a_second(nanoseconds: f64) -> f64 {
    1e9 / nanoseconds
}

fn at<'a>(points: &[&'a Point], at: u64) -> Option<&'a Point> {
    points.iter().find(|point| point.at == at).copied()
}

/// Everything at which one or the other was measured.
fn places(one: &[&Point], other: &[&Point]) -> Vec<u64> {
    let mut places: Vec<u64> = one.iter().chain(other).map(|point| point.at).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// How many times the first point's figure the last one's is.
fn times(points: &[&Point], figure: Figure) -> String {
    let ratio = of(points.last(), figure) / of(points.first(), figure);
    if ratio < 1.0 { small(ratio) } else { digits(ratio) }
}

/// The median of a figure; no number where it was not measured.
fn of(point: Option<&&Point>, figure: Figure) -> f64 {
    spread(&point.map(|point| point.of(figure)).unwrap_or_default()).median
}

/// From where to where points go.
fn span(points: &[&Point]) -> String {
    let count = |point: Option<&&Point>| grouped(point.map_or(0, |point| point.at) as f64);
    format!("{} to {}", count(points.first()), count(points.last()))
}

fn nodes(growth: &Growth) -> String {
    let [core, api] = [Way::Core, Way::Api].map(|way| growth.of(Curve::Nodes, way));
    let head = [
        "nodes",
        "core: ns an entry",
        "API: ns an entry",
        "API: CPU ns an entry",
        "API: sleeps an entry",
        "API: p50 / p99 / p99.9 µs",
    ];
    let row = |nodes: u64| {
        let (core, api) = (at(&core, nodes), at(&api, nodes));
        vec![
            nodes.to_string(),
            told(core, Figure::Entry, itself, grouped),
            told(api, Figure::Entry, itself, grouped),
            median(api, Figure::Cpu, grouped),
            median(api, Figure::Sleeps, small),
            latencies(api),
        ]
    };
    let mut text = table(&head, &places(&core, &api).into_iter().map(row).collect::<Vec<_>>());
    if let (2.., 2..) = (core.len(), api.len()) {
        let _ = writeln!(
            text,
            "\nFrom {} nodes the time of an entry comes to {} times what it was in the core, and to {} times through the API. Each node \
            more is one more that is sent every entry, keeps it and applies it: in the core by the one thread that works for all, through \
            the API by one more thread on the same processors. On machines of their own, nodes would share neither; a leader's own part is \
            what it sends, and that rises with the nodes everywhere.",
            span(&core),
            times(&core, Figure::Entry),
            times(&api, Figure::Entry)
        );
    }
    text
}

fn latencies(point: Option<&Point>) -> String {
    [Figure::P50, Figure::P99, Figure::P999].map(|figure| median(point, figure, digits)).join(" / ")
}

fn payloads(growth: &Growth) -> String {
    let [core, api] = [Way::Core, Way::Api].map(|way| growth.of(Curve::Payload, way));
    let head = [
        "bytes",
        "in flight",
        "core: ns an entry",
        "core: ns a byte",
        "core: MB/s",
        "API: ns an entry",
        "API: ns a byte",
        "API: MB/s",
        "API: CPU ns a byte",
    ];
    let row = |size: u64| {
        let (core, api, bytes) = (at(&core, size), at(&api, size), size as f64);
        let in_flight = core.or(api).map_or(0, |point| point.in_flight);
        let mut row = vec![grouped(bytes), in_flight.to_string()];
        for point in [core, api] {
            row.push(told(point, Figure::Entry, itself, grouped));
            row.push(median(point, Figure::Entry, |ns| a_byte(ns / bytes)));
            row.push(median(point, Figure::Entry, |ns| digits(1e3 * bytes / ns)));
        }
        row.push(median(api, Figure::Cpu, |ns| a_byte(ns / bytes)));
        row
    };
    let mut text = table(&head, &places(&core, &api).into_iter().map(row).collect::<Vec<_>>());
    if let (2.., 2..) = (core.len(), api.len()) {
        let _ = writeln!(
            text,
            "\nFrom {} bytes the time of an entry comes to {} times what it was in the core, and to {} times through the API. It has doubled \
            at {} bytes in the core, and at {} through the API: below that, what is done for an entry whatever its size is the larger \
            part. Where a line rises as fast as the sizes do, only bytes count: the core's are made once and read by three state machines; \
            the API's are besides encoded and copied for each node, and each node keeps its own.{}",
            span(&core),
            times(&core, Figure::Entry),
            times(&api, Figure::Entry),
            twice(&core),
            twice(&api),
            fewer_in_flight(&core)
        );
    }
    text
}

fn a_byte(nanoseconds: f64) -> String {
    if nanoseconds >= 10.0 { digits(nanoseconds) } else { small(nanoseconds) }
}

/// From which point on an entry takes more than twice as long as at the first.
fn twice(points: &[&Point]) -> String {
    let first = of(points.first(), Figure::Entry);
    let below = points.iter().rposition(|point| of(Some(point), Figure::Entry) < 2.0 * first);
    let from = below.map_or(0, |position| position + 1);
    points.get(from).map_or_else(|| "none of these".to_owned(), |point| grouped(point.at as f64))
}

fn fewer_in_flight(points: &[&Point]) -> String {
    let most = points.iter().map(|point| point.in_flight).max().unwrap_or_default();
    match points.iter().find(|point| point.in_flight < most) {
        None => String::new(),
        Some(point) => format!(
            " From {} bytes on fewer are in flight, 4 MiB in all: a node holds no more than 64 MiB that it has not looked at, and says \
            nothing while it looks at much.",
            grouped(point.at as f64)
        ),
    }
}

fn logs(growth: &Growth) -> String {
    let (log, opened) = (growth.of(Curve::Log, Way::Core), growth.of(Curve::Recovery, Way::Wal));
    let head = [
        "entries in the log",
        "ns an entry that comes",
        "ns an entry caught up with",
        "ns to look a term up",
        "nothing in common, µs",
        "longest latency, µs",
        "opened: ns an entry",
        "in all, ms",
    ];
    let row = |entries: u64| {
        let (log, opened) = (at(&log, entries), at(&opened, entries));
        vec![
            grouped(entries as f64),
            told(log, Figure::Entry, itself, digits),
            told(log, Figure::CatchUp, itself, digits),
            median(log, Figure::LookUp, digits),
            median(log, Figure::Conflict, digits),
            median(log, Figure::Pause, digits),
            told(opened, Figure::Entry, itself, digits),
            median(opened, Figure::Entry, |ns| digits(ns * entries as f64 / 1e6)),
        ]
    };
    let mut text = table(&head, &places(&log, &opened).into_iter().map(row).collect::<Vec<_>>());
    for left_out in growth.left_out.iter().filter(|it| it.curve == Curve::Log) {
        let _ =
            writeln!(text, "\n{} entries are left out: {}.", grouped(left_out.at as f64), left_out.reason);
    }
    if log.len() >= 2 {
        let _ = writeln!(
            text,
            "\nFrom {} entries that a log keeps, the time of one more comes to {} times what it was, and that of a look-up to {} times. An \
            entry is found by its place, so no step is taken as often as there are entries; what may be dearer in a long log is memory, which no \
            cache holds any more. Two things are done for all entries at once: a log that is full moves to twice the room, and if \
            the longest latency rises as the log does, that is it; and a leader that hears of a conflict looks back until two logs can \
            agree, at the worst over all there is. Compaction bounds both.",
            span(&log),
            times(&log, Figure::Entry),
            times(&log, Figure::LookUp)
        );
    }
    if let [shortest, .., _] = &opened[..] {
        let _ = writeln!(
            text,
            "\nA write-ahead log on a disk, with {PAYLOAD} bytes of payload an entry and 1,024 entries a record, is opened again from files that \
            the system still has in memory. The shortest takes {} ms in all, which is about what opening costs by itself; the longest takes \
            {} ns for each of its entries.",
            digits(of(opened.first(), Figure::Entry) * shortest.at as f64 / 1e6),
            digits(of(opened.last(), Figure::Entry))
        );
    }
    text
}

fn proposers(growth: &Growth) -> String {
    let api = growth.of(Curve::Proposers, Way::Api);
    let head = ["proposers", "entries/s", "p50 / p99 / p99.9 µs", "CPU ns an entry", "sleeps an entry"];
    let row = |point: &&Point| {
        let point = Some(*point);
        vec![
            point.map(|point| grouped(point.at as f64)).unwrap_or_default(),
            told(point, Figure::Entry, a_second, rate),
            latencies(point),
            median(point, Figure::Cpu, grouped),
            median(point, Figure::Sleeps, small),
        ]
    };
    let mut text = table(&head, &api.iter().map(row).collect::<Vec<_>>());
    if api.len() >= 2 {
        let _ = writeln!(
            text,
            "\nFrom {} proposers, of which each waits for its answer before it proposes again, the median latency comes to {} times what it was, \
            and the time of an entry to {} times. Threads sleep {} times an entry at first and {} times in the end: one proposer waits for them to \
            wake each other, entry by entry, and many share a wake-up. Where the time of an entry falls no further, the nodes are \
            busy, and more proposers only queue: latencies rise as they do. Proposers are tasks on two workers of tokio, as those of openraft are \
            in lane threads.",
            span(&api),
            times(&api, Figure::P50),
            times(&api, Figure::Entry),
            median(api.first().copied(), Figure::Sleeps, small),
            median(api.last().copied(), Figure::Sleeps, small)
        );
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::growth::results::Repetition;

    pub(crate) const KEPT: &str = include_str!("../../golden/growth.json");
    const GOLDEN: &str = include_str!("../../golden/growth.md");

    fn kept() -> Growth {
        serde_json::from_str(KEPT).expect("it is a run")
    }

    pub(crate) fn made() -> String {
        section(&kept(), "pictures/benchmarks")
    }

    #[test]
    fn the_page_comes_from_the_figures() {
        let made = made();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/growth.md");
            fs::write(path, &made).expect("the golden file is ours");
        } else {
            assert_eq!(made, GOLDEN, "UPDATE_GOLDEN=1 writes it anew");
        }
    }

    #[test]
    fn pictures_have_whatever_was_measured() {
        let drawn = pictures(&kept()).expect("they can be drawn");
        assert_eq!(drawn.len(), 5);
        for (file, picture) in drawn {
            assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{file}");
            assert!(!picture.contains("NaN") && made().contains(file), "{file}");
        }
    }

    #[test]
    fn what_was_not_measured_is_not_told_of() {
        let mut growth = kept();
        growth.points.retain(|point| point.curve == Curve::Proposers);
        assert!(nodes(&growth).is_empty() && payloads(&growth).is_empty());
        assert!(!section(&growth, "pictures").contains("growth-nodes.svg"));
        assert_eq!(pictures(&growth).expect("they can be drawn").len(), 1);
        growth.points.truncate(1);
        let told = proposers(&growth);
        assert!(told.lines().count() == 4 && !told.contains("NaN"), "one point is no curve: {told}");
    }

    #[test]
    fn twice_the_time_is_where_it_stays() {
        let point = |at, ns| Point {
            curve: Curve::Payload,
            way: Way::Core,
            at,
            in_flight: 64,
            repetitions: vec![Repetition::Measured([(Figure::Entry, ns)].into())],
        };
        let points = [point(16, 10.0), point(64, 21.0), point(256, 19.0), point(1_024, 30.0)];
        let points: Vec<&Point> = points.iter().collect();
        assert_eq!(twice(&points), "1,024");
        assert_eq!(twice(&points[..3]), "none of these");
        assert_eq!((times(&points, Figure::Entry), span(&points)), ("3.00".into(), "16 to 1,024".into()));
    }
}
