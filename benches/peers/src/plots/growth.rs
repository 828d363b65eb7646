//! Pictures of how costs grow: both axes grow by factors, so that what grows alike is a line that rises alike.

use super::{Graph, Line, draw_lines};
use crate::growth::results::{Curve, Figure, Growth, Way};
use crate::measure::Failure;
use crate::report::grouped;
use crate::statistics::spread;
use plotters::style::{Color, RGBColor};

/// A line of a picture: what it is called, and which figure of which points it shows, in how many nanoseconds.
type Shown = (&'static str, Curve, Way, Figure, f64);

/// A picture: its file, what it is called, what the axis across says, how its places are written, and its lines.
type Plan = (&'static str, &'static str, &'static str, fn(f64) -> String, &'static [Shown]);

const MICROSECOND: f64 = 1e3;

const PLANS: [Plan; 5] = [
    (
        "growth-nodes.svg",
        "How cost grows: time an entry, more nodes",
        "nodes",
        grouped,
        &[
            ("API", Curve::Nodes, Way::Api, Figure::Entry, 1.0),
            ("API, processor", Curve::Nodes, Way::Api, Figure::Cpu, 1.0),
            ("core", Curve::Nodes, Way::Core, Figure::Entry, 1.0),
        ],
    ),
    (
        "growth-payload.svg",
        "How cost grows: time an entry, larger payloads",
        "bytes of a payload",
        bytes,
        &[
            ("API", Curve::Payload, Way::Api, Figure::Entry, 1.0),
            ("API, processor", Curve::Payload, Way::Api, Figure::Cpu, 1.0),
            ("core", Curve::Payload, Way::Core, Figure::Entry, 1.0),
        ],
    ),
    (
        "growth-log.svg",
        "How cost grows: time an entry, longer logs",
        "entries in the log",
        count,
        &[
            ("opened from a disk", Curve::Recovery, Way::Wal, Figure::Entry, 1.0),
            ("committed by three", Curve::Log, Way::Core, Figure::Entry, 1.0),
            ("caught up with", Curve::Log, Way::Core, Figure::CatchUp, 1.0),
            ("its term looked up", Curve::Log, Way::Core, Figure::LookUp, 1.0),
        ],
    ),
    (
        "growth-pauses.svg",
        "How cost grows: what takes long at once, longer logs",
        "entries in the log",
        count,
        &[
            ("longest latency", Curve::Log, Way::Core, Figure::Pause, MICROSECOND),
            ("nothing in common", Curve::Log, Way::Core, Figure::Conflict, MICROSECOND),
        ],
    ),
    (
        "growth-proposers.svg",
        "How cost grows: latencies and time an entry, more proposers",
        "proposers",
        grouped,
        &[
            ("99.9 %", Curve::Proposers, Way::Api, Figure::P999, MICROSECOND),
            ("99 %", Curve::Proposers, Way::Api, Figure::P99, MICROSECOND),
            ("median latency", Curve::Proposers, Way::Api, Figure::P50, MICROSECOND),
            ("time an entry", Curve::Proposers, Way::Api, Figure::Entry, 1.0),
        ],
    ),
];

/// As in the other pictures Okabe and Ito's.
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 60, 140), RGBColor(86, 180, 233), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];

/// The pictures for which there is anything, with the names of their files.
///
/// # Errors
///
/// If one cannot be drawn.
pub(crate) fn pictures(growth: &Growth) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut pictures = Vec::new();
    for (file, title, across, place, shown) in PLANS {
        let (mut lines, mut places) = (Vec::new(), Vec::new());
        for ((name, curve, way, figure, unit), colour) in shown.iter().zip(COLOURS) {
            let mut points = Vec::new();
            for point in growth.of(*curve, *way) {
                let figures: Vec<f64> = point.of(*figure).iter().map(|it| it * unit).collect();
                if !figures.is_empty() {
                    points.push(((point.at as f64).log10(), spread(&figures)));
                    places.push(point.at);
                }
            }
            lines.push(Line { name: (*name).to_owned(), style: colour.stroke_width(3), points });
        }
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            continue;
        }
        let places = places.into_iter().map(|at| ((at as f64).log10(), place(at as f64))).collect();
        let graph = Graph { title: title.to_owned(), across, places, upwards: time, lines };
        pictures.push((file, draw_lines(&graph)?));
    }
    Ok(pictures)
}

/// Nanoseconds in a unit that fits.
fn time(nanoseconds: f64) -> String {
    if nanoseconds >= 1e3 { super::time(nanoseconds / 1e3) } else { format!("{nanoseconds} ns") }
}

/// Powers of four in a unit that fits.
fn bytes(bytes: f64) -> String {
    if bytes >= 1_048_576.0 {
        format!("{} MiB", bytes / 1_048_576.0)
    } else if bytes >= 1_024.0 {
        format!("{} KiB", bytes / 1_024.0)
    } else {
        format!("{bytes} B")
    }
}

/// Powers of ten in a unit that fits.
fn count(entries: f64) -> String {
    super::round_rate(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_figures_have_units_that_fit() {
        assert_eq!([16.0, 4_096.0, 1_048_576.0].map(bytes), ["16 B", "4 KiB", "1 MiB"]);
        assert_eq!([0.5, 50.0, 5e3, 5e6, 5e9].map(time), ["0.5 ns", "50 ns", "5 µs", "5 ms", "5 s"]);
        assert_eq!([1e3, 1e5, 1e8].map(count), ["1 k", "100 k", "100 M"]);
    }
}
