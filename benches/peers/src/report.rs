//! Tables, as the documentation has them.

use crate::disk::gate::Verdict;
use crate::library::{Lane, REFERENCES};
use crate::measure::{DiskUse, Measured};
use crate::results::{Compared, LaneResults, Repetition, Series, Tested};
use crate::statistics::{Estimate, Spread, estimate, spread};
use std::fmt::Write;

/// What came of one load.
pub(crate) fn table(lane: Lane, compared: &Compared) -> String {
    let Compared { payload, in_flight, libraries } = compared;
    let others: Vec<f64> = libraries
        .iter()
        .flat_map(|series| series.repetitions.iter().filter_map(Repetition::measured))
        .filter_map(|it| it.others_percent)
        .collect();
    let others = spread(&others);
    let mut text = format!(
        "{} bytes, {} in flight; others kept {:.0} % of the machine busy ({:.0}–{:.0})\n\n",
        grouped(*payload as f64),
        grouped(*in_flight as f64),
        others.median,
        others.min,
        others.max
    );
    let references: Vec<&Series> = REFERENCES
        .iter()
        .filter_map(|name| libraries.iter().find(|series| series.library == *name))
        .collect();
    text += &format!("| library | {} (min–max) | CPU ns an entry | p50 / p99 / p99.9 µs |", unit(lane));
    let mut rule = String::from("|---|--:|--:|--:|");
    for reference in &references {
        text += &format!(" wall ÷ {}'s [95 %] |", reference.library);
        rule += "--:|";
    }
    let has_slept = libraries.iter().any(|series| !sleeps(series).is_nan());
    if has_slept && lane != Lane::Core {
        text += " sleeps an entry |";
        rule += "--:|";
    }
    if lane == Lane::Durable {
        text += " syncs an entry | bytes an entry | bytes a byte of payload | of the ceiling |";
        rule += "--:|--:|--:|--:|";
    }
    let _ = writeln!(text, "\n{rule}");
    for series in libraries {
        text += &row(lane, series);
        for reference in &references {
            let is_itself = series.library == reference.library;
            let ratio = if is_itself { "1".to_owned() } else { ratio(series, reference) };
            text += &format!(" {ratio} |");
        }
        if has_slept && lane != Lane::Core {
            text += &format!(" {} |", small(sleeps(series)));
        }
        if lane == Lane::Durable {
            text += &disk(series, *payload);
        }
        text.push('\n');
    }
    for failure in libraries.iter().flat_map(|series| &series.repetitions) {
        if let Repetition::Failed(reason) = failure {
            let _ = writeln!(text, "\nFAILED: {reason}");
        }
    }
    text
}

/// What came of the gate: nothing where there is none.
pub(crate) fn gate(results: &LaneResults) -> Option<String> {
    if results.gate.is_empty() {
        return None;
    }
    let passed = results.gate.iter().filter(|it| it.verdict == Verdict::Durable).count();
    let mut text = format!(
        "Put to the test before: {passed} of {} ways to run a library answer only what is durable.\n",
        results.gate.len()
    );
    if passed < results.gate.len() {
        text += "\n| | | |\n|---|---|---|\n";
    }
    for Tested { library, variant, verdict } in &results.gate {
        let (what, reason) = match verdict {
            Verdict::Durable => continue,
            Verdict::NotDurable(reason) => ("not durable, so not timed", reason),
            Verdict::NotTried(reason) => ("not put to the test", reason),
        };
        let _ = writeln!(text, "| {library} ({variant}) | {what} | {} |", reason.replace('\n', " "));
    }
    Some(text)
}

const fn unit(lane: Lane) -> &'static str {
    match lane {
        Lane::Core => "ns an entry",
        Lane::Threads | Lane::Durable | Lane::OwnStore => "entries/s",
    }
}

fn row(lane: Lane, series: &Series) -> String {
    let of = |figure: fn(&Measured) -> f64| spread(&series.of(figure));
    let figure = match lane {
        Lane::Core => told(of(|it| it.wall_ns_per_entry), |ns| format!("{ns:.0}")),
        Lane::Threads | Lane::Durable | Lane::OwnStore => told(of(Measured::entries_per_second), rate),
    };
    format!(
        "| {} ({}) | {figure} | {} | {} / {} / {} |",
        series.library,
        series.variant,
        grouped(of(|it| it.cpu_ns_per_entry).median),
        digits(of(|it| it.p50_us).median),
        digits(of(|it| it.p99_us).median),
        digits(of(|it| it.p999_us).median),
    )
}

/// How often a thread went to sleep for an entry; no number in figures that do not have it.
fn sleeps(series: &Series) -> f64 {
    let slept = series.repetitions.iter().filter_map(|it| it.measured()?.sleeps_per_entry);
    spread(&slept.collect::<Vec<_>>()).median
}

/// The columns that only disks have.
fn disk(series: &Series, payload: usize) -> String {
    let used = series.repetitions.iter().filter_map(|it| it.measured()?.disk);
    let used: Vec<DiskUse> = used.collect();
    let median = |figure: fn(&DiskUse) -> f64| spread(&used.iter().map(figure).collect::<Vec<_>>()).median;
    format!(
        " {} | {} | {:.2} | {:.0} % |",
        small(median(|it| it.syncs_per_entry)),
        grouped(median(|it| it.bytes_per_entry)),
        median(|it| it.bytes_per_entry) / payload as f64,
        median(|it| it.ceiling_percent)
    )
}

fn told(Spread { median, min, max }: Spread, tell: impl Fn(f64) -> String) -> String {
    format!("**{}** ({}–{})", tell(median), tell(min), tell(max))
}

/// Thousands or millions, in three digits.
pub(crate) fn rate(entries: f64) -> String {
    if entries >= 1e6 { format!("{:.2} M", entries / 1e6) } else { format!("{} k", digits(entries / 1e3)) }
}

pub(crate) fn digits(figure: f64) -> String {
    if figure >= 100.0 {
        grouped(figure)
    } else if figure >= 10.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.2}")
    }
}

/// Two digits of what may be far below one.
pub(crate) fn small(figure: f64) -> String {
    if figure >= 0.1 {
        format!("{figure:.2}")
    } else if figure >= 0.01 {
        format!("{figure:.3}")
    } else {
        format!("{figure:.4}")
    }
}

/// 12345.6 as 12,346.
pub(crate) fn grouped(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many times as long it takes, repetition by repetition: what disturbed the machine disturbed both.
fn ratio(series: &Series, reference: &Series) -> String {
    let pairs = series.repetitions.iter().zip(&reference.repetitions);
    let ratios: Vec<f64> = pairs
        .filter_map(|(it, other)| {
            Some(it.measured()?.wall_ns_per_entry / other.measured()?.wall_ns_per_entry)
        })
        .collect();
    let Estimate { median, interval } = estimate(&ratios);
    match interval {
        Some((low, high)) => format!("{median:.2} [{low:.2}–{high:.2}]"),
        None => format!("{median:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        assert_eq!([9.994, 56.78, 1_234.5].map(digits), ["9.99", "56.8", "1,234"]);
        assert_eq!([923_456.0, 12_345.0, 1_234_567.0].map(rate), ["923 k", "12.3 k", "1.23 M"]);
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!([1.0, 0.0312, 0.001_24].map(small), ["1.00", "0.031", "0.0012"]);
    }

    #[test]
    fn who_is_not_durable_has_a_table_of_its_own() {
        let tested =
            |variant: &str, verdict| Tested { library: "hasty".into(), variant: variant.into(), verdict };
        let mut results = LaneResults {
            lane: Lane::Durable,
            repetitions: 1,
            seconds: 0.1,
            gate: vec![tested("a", Verdict::Durable)],
            loads: Vec::new(),
        };
        assert!(gate(&results).is_some_and(|text| text.contains("1 of 1") && !text.contains("not timed")));
        results.gate.push(tested("b", Verdict::NotDurable("7 entries".into())));
        let row = "| hasty (b) | not durable, so not timed | 7 entries |\n";
        assert!(gate(&results).is_some_and(|text| text.ends_with(row)));
        results.gate.push(tested("c", Verdict::NotTried("no strace".into())));
        let row = "| hasty (c) | not put to the test | no strace |\n";
        assert!(gate(&results).is_some_and(|text| text.contains("1 of 3") && text.ends_with(row)));
        results.gate.clear();
        assert_eq!(gate(&results), None);
    }
}
