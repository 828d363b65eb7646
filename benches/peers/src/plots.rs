//! Pictures of a lane: how much gets through, and how long it takes.

pub(crate) mod growth;

use crate::measure::{Failure, Measured};
use crate::report::grouped;
use crate::results::{Compared, LaneResults};
use crate::statistics::{Spread, spread};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    ChartBuilder, ChartContext, Circle, DrawingArea, IntoDrawingArea, IntoLogRange, LogCoord, PathElement,
    Rectangle, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, IntoFont, RGBColor, ShapeStyle, TextStyle, WHITE};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Point = (i32, i32);

const FONT: &str = "sans-serif";
const PALE: RGBColor = RGBColor(225, 225, 225);
const DARK: RGBColor = RGBColor(70, 70, 70);

/// One colour for each library, whatever else is in the picture. Okabe and Ito's, which the colour-blind can tell apart.
fn colour(library: &str) -> RGBColor {
    match library {
        "seaworthy" => RGBColor(0, 60, 140),
        "seaworthy-core" => RGBColor(86, 180, 233),
        "openraft-0.9" => RGBColor(230, 159, 0),
        "openraft-0.10" => RGBColor(213, 94, 0),
        "omnipaxos" => RGBColor(0, 158, 115),
        "raft-rs" => RGBColor(204, 121, 167),
        // The null core is no library.
        _ => RGBColor(140, 140, 140),
    }
}

fn text(size: i32, horizontal: HPos) -> TextStyle<'static> {
    (FONT, size).into_font().color(&BLACK).pos(Pos::new(horizontal, VPos::Center))
}

fn write(area: &Area<'_>, what: &str, at: Point, style: TextStyle<'static>) -> Result<(), Failure> {
    Ok(area.draw(&Text::new(what.to_owned(), at, style)).map_err(|error| error.to_string())?)
}

/// A line: a figure for each place.
struct Line {
    name: String,
    style: ShapeStyle,
    points: Vec<(f64, Spread)>,
}

/// The loads of this payload, in order of what is in flight.
fn loads(lane: &LaneResults, payload: usize) -> Vec<&Compared> {
    let mut loads: Vec<&Compared> = lane.loads.iter().filter(|load| load.payload == payload).collect();
    loads.sort_by_key(|load| load.in_flight);
    loads
}

fn lines(loads: &[&Compared], figure: impl Fn(&Measured) -> f64) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (position, load) in loads.iter().enumerate() {
        for series in &load.libraries {
            let figures = series.of(&figure);
            if figures.is_empty() {
                continue;
            }
            let point = (position as f64, spread(&figures));
            match lines.iter_mut().find(|line| line.name == series.library) {
                Some(line) => line.points.push(point),
                None => lines.push(Line {
                    name: series.library.clone(),
                    style: stroke(&series.library),
                    points: vec![point],
                }),
            }
        }
    }
    // As they end, from above, so that the legend has the order of the picture.
    let end = |line: &Line| line.points.last().map_or(0.0, |(_, spread)| spread.median);
    lines.sort_by(|one, other| end(other).total_cmp(&end(one)));
    lines
}

/// From the least to the greatest, with a little room.
fn range(figures: impl Iterator<Item = f64> + Clone) -> std::ops::Range<f64> {
    let least = figures.clone().fold(f64::INFINITY, f64::min);
    let greatest = figures.fold(0.0, f64::max);
    if least > greatest { 1.0..10.0 } else { least / 1.3..greatest * 1.3 }
}

type Chart<'a, X, Y> = ChartContext<'a, SVGBackend<'a>, plotters::coord::cartesian::Cartesian2d<X, Y>>;

/// Entries a second over what is in flight, both axes growing by factors; whiskers from the least repetition to the greatest.
pub(crate) fn throughput(lane: &LaneResults, payload: usize) -> Result<String, Failure> {
    let loads = loads(lane, payload);
    let in_flight = |(position, load): (usize, &&Compared)| (position as f64, grouped(load.in_flight as f64));
    draw_lines(&Graph {
        title: format!("Lane {}: entries a second, {} bytes each", lane.lane.name(), grouped(payload as f64)),
        across: "proposals in flight",
        places: loads.iter().enumerate().map(in_flight).collect(),
        upwards: round_rate,
        lines: lines(&loads, Measured::entries_per_second),
    })
}

/// Lines over some places, with an axis that grows by factors.
struct Graph {
    title: String,
    /// What the axis across says.
    across: &'static str,
    /// Where on that axis something is measured, and what is written there.
    places: Vec<(f64, String)>,
    /// What is written at a figure of the axis upwards.
    upwards: fn(f64) -> String,
    lines: Vec<Line>,
}

fn draw_lines(graph: &Graph) -> Result<String, Failure> {
    let Graph { title, across, places, upwards, lines } = graph;
    let mut picture = String::new();
    let root = SVGBackend::with_string(&mut picture, (900, 480)).into_drawing_area();
    let failing = |error: &dyn std::fmt::Display| Failure::from(error.to_string());
    root.fill(&WHITE).map_err(|error| failing(&error))?;
    write(&root, title, (20, 24), text(20, HPos::Left))?;
    let (left, right) = root.margin(44, 40, 10, 0).split_horizontally(690);
    let figures = lines.iter().flat_map(|line| &line.points).flat_map(|(_, it)| [it.min, it.max]);
    let [first, last] = [places.first(), places.last()].map(|place| place.map_or(0.0, |(x, _)| *x));
    let (begin, end) = (first - 0.2, last + 0.2);
    let heights = range(figures);
    let mut chart = ChartBuilder::on(&left)
        .x_label_area_size(1)
        .y_label_area_size(80)
        .build_cartesian_2d(begin..end, heights.clone().log_scale())
        .map_err(|error| failing(&error))?;
    chart
        .configure_mesh()
        .disable_mesh()
        .set_all_tick_mark_size(0)
        .x_label_formatter(&|_| String::new())
        .y_label_formatter(&|_| String::new())
        .axis_style(DARK)
        .draw()
        .map_err(|error| failing(&error))?;
    for tick in ticks(&heights) {
        let line = vec![(begin, tick), (end, tick)];
        chart.draw_series([PathElement::new(line, PALE)]).map_err(|error| failing(&error))?;
        let (x, y) = chart.backend_coord(&(begin, tick));
        write(&root, &upwards(tick), (x - 8, y), text(14, HPos::Right))?;
    }
    for line in lines.iter().rev() {
        draw_line(&mut chart, line)?;
    }
    for (place, what) in places {
        let (x, _) = chart.backend_coord(&(*place, 1.0));
        write(&root, what, (x, 452), text(14, HPos::Center))?;
    }
    let (middle, _) = chart.backend_coord(&(f64::midpoint(first, last), 1.0));
    write(&root, across, (middle, 470), text(14, HPos::Center))?;
    drop(chart);
    for (position, line) in lines.iter().enumerate() {
        let y = 20 + 26 * i32::try_from(position)?;
        right.draw(&PathElement::new(vec![(16, y), (46, y)], line.style)).map_err(|error| failing(&error))?;
        let dot = Circle::new((31, y), 4, line.style.color.filled());
        right.draw(&dot).map_err(|error| failing(&error))?;
        write(&right, &line.name, (56, y), text(15, HPos::Left))?;
    }
    root.present().map_err(|error| failing(&error))?;
    drop((left, right, root));
    Ok(picture)
}

/// Our own stand out.
fn stroke(library: &str) -> ShapeStyle {
    colour(library).stroke_width(if library.starts_with("seaworthy") { 3 } else { 2 })
}

fn draw_line(chart: &mut Chart<'_, RangedCoordf64, LogCoord<f64>>, line: &Line) -> Result<(), Failure> {
    let mut draw = |points: Vec<(f64, f64)>, style: ShapeStyle| {
        let drawn = chart.draw_series(std::iter::once(PathElement::new(points, style)));
        drawn.map(drop).map_err(|error| error.to_string())
    };
    let thin = ShapeStyle { stroke_width: 1, ..line.style };
    for (x, Spread { min, max, .. }) in &line.points {
        draw(vec![(*x, *min), (*x, *max)], thin)?;
    }
    draw(line.points.iter().map(|(x, it)| (*x, it.median)).collect(), line.style)?;
    let dot = |(x, it): &(f64, Spread)| Circle::new((*x, it.median), 4, line.style.color.filled());
    chart.draw_series(line.points.iter().map(dot)).map_err(|error| error.to_string())?;
    Ok(())
}

/// For each load, where half of the answers, 99 and 99.9 % of them are: a row for each library, and time that grows by factors.
pub(crate) fn latency(lane: &LaneResults, payload: usize) -> Result<String, Failure> {
    let loads = loads(lane, payload);
    let rows = loads.iter().map(|load| load.libraries.len()).max().unwrap_or_default();
    let height = 60 + 24 * u32::try_from(rows)?;
    let mut picture = String::new();
    let panels = u32::try_from(loads.len())?.div_ceil(2);
    let root = SVGBackend::with_string(&mut picture, (900, 70 + height * panels)).into_drawing_area();
    let failing = |error: &dyn std::fmt::Display| Failure::from(error.to_string());
    root.fill(&WHITE).map_err(|error| failing(&error))?;
    let title = format!("Lane {}: latencies, {} bytes each", lane.lane.name(), grouped(payload as f64));
    write(&root, &title, (20, 24), text(20, HPos::Left))?;
    legend(&root)?;
    let figures = loads.iter().flat_map(|load| &load.libraries);
    let figures = figures
        .flat_map(|it| [spread(&it.of(|it| it.p50_us)).median, spread(&it.of(|it| it.p999_us)).median]);
    let times = range(figures.filter(|figure| figure.is_finite()));
    let body = root.margin(50, 10, 0, 10);
    let areas = body.split_evenly((panels as usize, 2));
    for (load, area) in loads.iter().zip(&areas) {
        panel(area, load, rows, times.clone())?;
    }
    root.present().map_err(|error| failing(&error))?;
    drop((areas, body, root));
    Ok(picture)
}

fn legend(root: &Area<'_>) -> Result<(), Failure> {
    let failing = |error: &dyn std::fmt::Display| Failure::from(error.to_string());
    for (x, what, mark) in [(560, "median", 0), (660, "99 %", 1), (750, "99.9 %", 2)] {
        draw_mark(root, (x, 24), DARK, mark).map_err(|error| failing(&error))?;
        write(root, what, (x + 14, 24), text(14, HPos::Left))?;
    }
    Ok(())
}

/// A dot for the median, a ring for 99 %, a bar for 99.9 %.
fn draw_mark(area: &Area<'_>, (x, y): Point, colour: RGBColor, mark: usize) -> Result<(), String> {
    let drawn = match mark {
        0 => area.draw(&Circle::new((x, y), 5, colour.filled())),
        1 => area
            .draw(&Circle::new((x, y), 5, WHITE.filled()))
            .and_then(|()| area.draw(&Circle::new((x, y), 5, colour.stroke_width(2)))),
        _ => area.draw(&Rectangle::new([(x - 1, y - 6), (x + 1, y + 6)], colour.filled())),
    };
    drawn.map_err(|error| error.to_string())
}

fn panel(area: &Area<'_>, load: &Compared, rows: usize, times: std::ops::Range<f64>) -> Result<(), Failure> {
    let failing = |error: &dyn std::fmt::Display| Failure::from(error.to_string());
    write(area, &format!("{} in flight", grouped(load.in_flight as f64)), (130, 10), text(15, HPos::Left))?;
    let inner = area.margin(22, 0, 0, 14);
    let mut chart = ChartBuilder::on(&inner)
        .x_label_area_size(24)
        .y_label_area_size(126)
        .build_cartesian_2d(times.clone().log_scale(), (rows as f64 - 0.5)..-0.5)
        .map_err(|error| failing(&error))?;
    chart
        .configure_mesh()
        .disable_mesh()
        .set_all_tick_mark_size(0)
        .x_label_formatter(&|_| String::new())
        .y_label_formatter(&|_| String::new())
        .axis_style(DARK)
        .draw()
        .map_err(|error| failing(&error))?;
    let (top_row, bottom_row) = (-0.5, rows as f64 - 0.5);
    let (left, top) = area.get_base_pixel();
    for tick in ticks(&times) {
        let line = vec![(tick, top_row), (tick, bottom_row)];
        chart.draw_series([PathElement::new(line, PALE)]).map_err(|error| failing(&error))?;
        let (x, y) = chart.backend_coord(&(tick, bottom_row));
        write(area, &time(tick), (x - left, y - top + 12), text(13, HPos::Center))?;
    }
    for (row, series) in load.libraries.iter().enumerate() {
        let figures: [fn(&Measured) -> f64; 3] = [|it| it.p50_us, |it| it.p99_us, |it| it.p999_us];
        let marks = figures.map(|figure| spread(&series.of(figure)).median);
        let place = |figure: f64| {
            let (x, y) = chart.backend_coord(&(figure, row as f64));
            (x - left, y - top)
        };
        let (_, y) = place(1.0);
        write(area, &series.library, (118, y), text(13, HPos::Right))?;
        if marks.iter().any(|mark| !mark.is_finite()) {
            continue;
        }
        let span = PathElement::new(vec![place(marks[0]), place(marks[2])], stroke(&series.library));
        area.draw(&span).map_err(|error| failing(&error))?;
        for (mark, figure) in marks.into_iter().enumerate().rev() {
            draw_mark(area, place(figure), colour(&series.library), mark)?;
        }
    }
    Ok(())
}

/// More labels than these would touch each other.
const TICKS: usize = 7;

/// Round figures in a range, as many as have room: powers of ten; between them twice and five times those, or three times.
fn ticks(range: &std::ops::Range<f64>) -> Vec<f64> {
    // Parts are divided: three times a tenth is no round figure.
    let scaled = |multiple: f64, exponent: i32| {
        let power = 10_f64.powi(exponent.abs());
        if exponent < 0 { multiple / power } else { multiple * power }
    };
    let among = |multiples: &[f64]| -> Vec<f64> {
        let all = (-3..13).flat_map(|exponent| multiples.iter().map(move |it| scaled(*it, exponent)));
        all.filter(|tick| range.contains(tick)).collect()
    };
    let finer = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0]].map(among);
    finer.into_iter().find(|ticks| ticks.len() <= TICKS).unwrap_or_else(|| among(&[1.0]))
}

/// A round figure in a unit that fits.
fn round_rate(entries: f64) -> String {
    if entries >= 1e6 {
        format!("{} M", entries / 1e6)
    } else if entries >= 1e3 {
        format!("{} k", entries / 1e3)
    } else {
        entries.to_string()
    }
}

/// Microseconds in a unit that fits.
fn time(microseconds: f64) -> String {
    if microseconds >= 1e6 {
        format!("{} s", microseconds / 1e6)
    } else if microseconds >= 1e3 {
        format!("{} ms", microseconds / 1e3)
    } else {
        format!("{microseconds} µs")
    }
}
