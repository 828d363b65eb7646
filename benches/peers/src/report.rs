//! Tables, as the documentation has them.

use crate::compare::{Compared, Repetition, Series};
use crate::library::{Lane, REFERENCES};
use crate::measure::Measured;
use crate::statistics::{Estimate, Spread, estimate, spread};

/// Prints what came of one load.
pub(crate) fn print(lane: Lane, compared: &Compared) {
    let Compared { payload, in_flight, libraries } = compared;
    let measured =
        || libraries.iter().flat_map(|series| &series.repetitions).filter_map(Repetition::measured);
    let others = spread(&measured().filter_map(|it| it.others_percent).collect::<Vec<f64>>());
    println!(
        "\n{payload} bytes, {in_flight} in flight; others kept {:.0} % of the machine busy ({:.0}–{:.0})\n",
        others.median, others.min, others.max
    );
    let references: Vec<&Series> = REFERENCES
        .iter()
        .filter_map(|name| libraries.iter().find(|series| series.library == *name))
        .collect();
    let mut heading =
        format!("| library | {} (min–max) | CPU ns an entry | p50 / p99 / p99.9 µs |", unit(lane));
    let mut rule = String::from("|---|--:|--:|--:|");
    for reference in &references {
        heading += &format!(" wall ÷ {}'s [95 %] |", reference.library);
        rule += "--:|";
    }
    println!("{heading}\n{rule}");
    for series in libraries {
        let mut row = row(lane, series);
        for reference in &references {
            row += &format!(
                " {} |",
                if series.library == reference.library { "1".to_owned() } else { ratio(series, reference) }
            );
        }
        println!("{row}");
    }
    for failure in libraries.iter().flat_map(|series| &series.repetitions) {
        if let Repetition::Failed(reason) = failure {
            println!("\nFAILED: {reason}");
        }
    }
}

const fn unit(lane: Lane) -> &'static str {
    match lane {
        Lane::Core => "ns an entry",
        Lane::Threads => "entries/s",
    }
}

fn row(lane: Lane, series: &Series) -> String {
    let of = |figure: fn(&Measured) -> f64| {
        let measured = series.repetitions.iter().filter_map(Repetition::measured);
        spread(&measured.map(figure).collect::<Vec<f64>>())
    };
    let figure = match lane {
        Lane::Core => told(of(|it| it.wall_ns_per_entry), |ns| format!("{ns:.0}")),
        Lane::Threads => told(of(Measured::entries_per_second), rate),
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

fn told(Spread { median, min, max }: Spread, tell: impl Fn(f64) -> String) -> String {
    format!("**{}** ({}–{})", tell(median), tell(min), tell(max))
}

/// Thousands or millions, in three digits.
fn rate(entries: f64) -> String {
    if entries >= 1e6 { format!("{:.2} M", entries / 1e6) } else { format!("{} k", digits(entries / 1e3)) }
}

fn digits(figure: f64) -> String {
    if figure >= 100.0 {
        grouped(figure)
    } else if figure >= 10.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.2}")
    }
}

/// 12345.6 as 12,346.
fn grouped(figure: f64) -> String {
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
    }
}
