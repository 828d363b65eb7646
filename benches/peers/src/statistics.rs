//! Medians, and how sure they are, without any assumption about how timings are distributed.

use serde::Serialize;

/// The middle of some figures, with the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// A median with an interval that has the true one in it, 95 times of 100 or more; none if there are too few figures for that.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Estimate {
    pub(crate) median: f64,
    pub(crate) interval: Option<(f64, f64)>,
}

fn sorted(figures: &[f64]) -> Vec<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn median(sorted: &[f64]) -> f64 {
    let (upper, lower) = (sorted.len() / 2, sorted.len().saturating_sub(1) / 2);
    let at = |position| sorted.get(position).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(lower), at(upper))
}

/// Of no figures: no numbers.
pub(crate) fn spread(figures: &[f64]) -> Spread {
    let sorted = sorted(figures);
    let [min, max] = [sorted.first(), sorted.last()].map(|it| it.copied().unwrap_or(f64::NAN));
    Spread { median: median(&sorted), min, max }
}

/// The interval is between two of the figures themselves: as many below and above as a fair coin shows heads (the sign test).
pub(crate) fn estimate(figures: &[f64]) -> Estimate {
    let sorted = sorted(figures);
    let interval = outside(sorted.len()).map(|rank| (sorted[rank], sorted[sorted.len() - 1 - rank]));
    Estimate { median: median(&sorted), interval }
}

/// How many of so many figures may be left out at each end.
fn outside(count: usize) -> Option<usize> {
    let mut chance = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
    let (mut tail, mut rank) = (0.0, None);
    for left_out in 0..count / 2 {
        tail += chance;
        if tail > 0.025 {
            break;
        }
        rank = Some(left_out);
        chance *= (count - left_out) as f64 / (left_out + 1) as f64;
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranks_are_those_of_the_tables_of_the_sign_test() {
        let ranks = [5, 6, 8, 9, 11, 12, 15, 20, 25].map(outside);
        let tabulated = [None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(3), Some(5), Some(7)];
        assert_eq!(ranks, tabulated);
    }

    #[test]
    fn the_middle_of_an_even_count_is_between_two() {
        assert_eq!(spread(&[4.0, 1.0, 3.0, 2.0]), Spread { median: 2.5, min: 1.0, max: 4.0 });
        let figures: Vec<f64> = (1..=9).rev().map(f64::from).collect();
        assert_eq!(estimate(&figures), Estimate { median: 5.0, interval: Some((2.0, 8.0)) });
        assert_eq!(estimate(&[1.0, 2.0]), Estimate { median: 1.5, interval: None });
    }
}
