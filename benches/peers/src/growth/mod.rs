//! How costs grow: seaworthy alone, with more nodes, larger payloads, longer logs, more proposers.

mod clusters;
mod log;
pub(crate) mod page;
mod recovery;
pub(crate) mod results;

use self::results::{Curve, Figures, Growth, LeftOut, Point, Repetition, Way};
use crate::apart::apart;
use crate::disk::place;
use crate::machine::{Machine, available_memory};
use crate::measure::Failure;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// What is measured.
#[derive(Args)]
pub(crate) struct Wanted {
    /// Where the file of all figures and the pictures are written. Figures that are there already are not measured again.
    #[arg(long)]
    out: PathBuf,
    /// How often each point is measured. From six on there are intervals.
    #[arg(long, default_value_t = 7)]
    repetitions: usize,
    /// How long a measurement is to take, roughly; what is long by itself takes longer.
    #[arg(long, default_value_t = 0.7)]
    seconds: f64,
    /// The longest log, in entries. Above ten million only if there is memory for it.
    #[arg(long, default_value_t = 100_000_000)]
    longest: u64,
}

/// One measurement, in a process of its own.
#[derive(Args)]
pub(crate) struct Single {
    curve: Curve,
    way: Way,
    at: u64,
    in_flight: u64,
    seconds: f64,
    /// Where a log is that is opened.
    #[arg(long)]
    directory: Option<PathBuf>,
}

/// Proposals under way, where it is not about them.
const IN_FLIGHT: u64 = 64;
/// The most bytes of payloads under way. A node takes no more than 64 MiB of proposals and messages that it has not looked at, and loses what
/// comes then, heartbeats among it; and while it looks at much at once, it says nothing.
const IN_FLIGHT_BYTES: u64 = 4 << 20;
/// The longest log that is opened: it takes a gigabyte of disk.
const OPENED: u64 = 10_000_000;
/// Shorter logs than this are taken to fit.
const FITS: u64 = 10_000_000;

const CURVES: [Curve; 5] = [Curve::Nodes, Curve::Payload, Curve::Log, Curve::Recovery, Curve::Proposers];

/// All points of a curve, in the order in which they are measured.
fn points(curve: Curve, longest: u64) -> Vec<Point> {
    let point = |way, at, in_flight| Point { curve, way, at, in_flight, repetitions: Vec::new() };
    let lengths = (3..=8).map(|exponent| 10_u64.pow(exponent)).filter(|length| *length <= longest);
    match curve {
        Curve::Nodes => {
            let both = |nodes| [Way::Core, Way::Api].map(|way| point(way, nodes, IN_FLIGHT));
            [1, 2, 3, 5, 7, 9].into_iter().flat_map(both).collect()
        }
        Curve::Payload => {
            let sizes = (2..=10).map(|exponent| 4_u64.pow(exponent));
            let in_flight = |size| IN_FLIGHT.min(IN_FLIGHT_BYTES / size);
            let both = |size| [Way::Core, Way::Api].map(|way| point(way, size, in_flight(size)));
            sizes.flat_map(both).collect()
        }
        Curve::Log => lengths.map(|length| point(Way::Core, length, IN_FLIGHT)).collect(),
        Curve::Recovery => {
            let opened = lengths.filter(|length| *length <= OPENED);
            opened.map(|length| point(Way::Wal, length, 0)).collect()
        }
        Curve::Proposers => {
            [1, 10, 100, 1_000, 10_000].map(|proposers| point(Way::Api, proposers, proposers)).into()
        }
    }
}

/// All points that fit into the memory there is, and the others.
fn plan(longest: u64, memory: Option<u64>) -> (Vec<Point>, Vec<LeftOut>) {
    let (mut planned, mut left_out) = (Vec::new(), Vec::new());
    for point in CURVES.into_iter().flat_map(|curve| points(curve, longest)) {
        let needed = if point.curve == Curve::Log && point.at > FITS { log::bytes(point.at) } else { 0 };
        if memory.is_some_and(|memory| memory >= needed) || needed == 0 {
            planned.push(point);
            continue;
        }
        let available = memory.map_or_else(|| "nobody knows how many".to_owned(), gigabytes);
        let reason = format!("three logs take {}, and {available} are available", gigabytes(needed));
        left_out.push(LeftOut { curve: point.curve, at: point.at, reason });
    }
    (planned, left_out)
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// How long one measurement takes, roughly, beside the seconds that it is to take: logs must grow first.
fn seconds_around(point: &Point) -> f64 {
    match point.curve {
        // And an election.
        Curve::Nodes | Curve::Proposers => 3.0,
        Curve::Payload => 4.0,
        // A fifth of a microsecond for each entry, and for the memory of long ones.
        Curve::Log => 2e-7 * point.at as f64,
        // Opened once, whatever it takes; made once, in all repetitions.
        Curve::Recovery => 3e-7 * point.at as f64,
    }
}

/// Measures all curves, and writes it down after each measurement, so that it can be interrupted and taken up again.
///
/// # Errors
///
/// If a measurement fails, there is no room, or other figures are there.
pub(crate) fn grow(wanted: &Wanted) -> Result<(), Failure> {
    let Wanted { ref out, repetitions, seconds, longest } = *wanted;
    fs::create_dir_all(out)?;
    let (points, left_out) = plan(longest, available_memory());
    let mut growth = Growth { machine: Machine::here(), repetitions, seconds, points, left_out };
    if let Some(before) = Growth::read(out)? {
        growth.go_on_with(before)?;
    }
    let missing = |point: &Point| repetitions.saturating_sub(point.repetitions.len());
    let time = growth.points.iter().map(|it| missing(it) as f64 * (1.2 * seconds + seconds_around(it)));
    println!("{}\nThis takes about {:.0} minutes.", growth.machine, (time.sum::<f64>() / 60.0).ceil());
    for LeftOut { curve, at, reason } in &growth.left_out {
        println!("Left out: {curve:?} {at}: {reason}");
    }
    let bar = ProgressBar::new(growth.points.iter().map(missing).sum::<usize>() as u64);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len}, {eta} left\n{msg}")?);
    for curve in CURVES {
        carry_out(&mut growth, curve, out, &bar)?;
    }
    bar.finish_and_clear();
    page::draw(&growth, out)?;
    let failures = growth.failures();
    failures.iter().for_each(|failure| println!("FAILED: {failure}"));
    if failures.is_empty() { Ok(()) } else { Err(format!("{} measurements failed", failures.len()).into()) }
}

/// Measures what is missing of a curve: all its points once, then all again, as what disturbs the machine comes and goes.
fn carry_out(growth: &mut Growth, curve: Curve, out: &Path, bar: &ProgressBar) -> Result<(), Failure> {
    // Where logs are that are opened again and again.
    let logs = place();
    for repetition in 0..growth.repetitions {
        for number in 0..growth.points.len() {
            let point = &growth.points[number];
            if point.curve != curve || point.repetitions.len() > repetition {
                continue;
            }
            bar.set_message(point.name());
            let came = match measure_apart(point, growth.seconds, &logs.join(&point.at.to_string())) {
                Ok(figures) => Repetition::Measured(figures),
                Err(failure) => Repetition::Failed(failure.to_string()),
            };
            growth.points[number].repetitions.push(came);
            growth.write(out)?;
            bar.inc(1);
        }
    }
    Ok(())
}

/// Measures in a process of its own.
fn measure_apart(point: &Point, seconds: f64, directory: &Path) -> Result<Figures, Failure> {
    let (name, in_flight, seconds) = (point.name(), point.in_flight.to_string(), seconds.to_string());
    let numbers = [in_flight.as_str(), &seconds, "--directory"].map(OsStr::new);
    let arguments = ["grow-once"].into_iter().chain(name.split(' ')).map(OsStr::new);
    let said = apart(&name, arguments.chain(numbers).chain([directory.as_os_str()]))?;
    Ok(serde_json::from_slice(&said)?)
}

/// Measures in this process, and prints a line of JSON.
///
/// # Errors
///
/// Whatever keeps it from that.
pub(crate) fn grow_once(single: &Single) -> Result<(), Failure> {
    let Single { curve, way, at, in_flight, seconds, ref directory } = *single;
    let figures = match curve {
        Curve::Nodes | Curve::Payload | Curve::Proposers => {
            clusters::measure(&Point { curve, way, at, in_flight, repetitions: Vec::new() }, seconds)
        }
        Curve::Log => log::measure(at, in_flight, seconds),
        Curve::Recovery => {
            let directory = directory.as_deref().ok_or("a log that is opened is in a directory")?;
            recovery::measure(at, directory, seconds)
        }
    };
    println!("{}", serde_json::to_string(&figures?)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_under_way_than_a_node_takes() {
        let payloads = points(Curve::Payload, FITS);
        assert_eq!((payloads.len(), payloads[0].at, payloads[17].at), (18, 16, 1 << 20));
        assert!(payloads.iter().all(|point| point.in_flight * point.at <= IN_FLIGHT_BYTES));
        assert_eq!(payloads.iter().filter(|point| point.in_flight < IN_FLIGHT).count(), 4);
    }

    #[test]
    fn what_does_not_fit_into_memory_is_left_out() {
        let lengths = |memory| {
            let (points, left_out) = plan(100_000_000, memory);
            (points.iter().filter(|it| it.curve == Curve::Log).count(), left_out.len())
        };
        assert_eq!(lengths(Some(20_000_000_000)), (6, 0));
        assert_eq!(lengths(Some(8_000_000_000)), (5, 1));
        assert_eq!(lengths(None), (5, 1));
        let (_, left_out) = plan(100_000_000, Some(8_000_000_000));
        assert_eq!(left_out[0].reason, "three logs take 14.0 GB, and 8.0 GB are available");
        assert!(plan(1_000_000, None).1.is_empty(), "nobody has asked for it");
    }
}
