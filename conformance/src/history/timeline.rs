//! Operations as bars, one line for each process. The width of a bar says in which order things began and ended, not how long they took.

use super::event::{Action, Shown};
use super::reading::{Operation, Outcome};

/// More columns are continued below.
const WIDTH: usize = 100;

/// What an operation did, in a word or two.
pub(super) fn label(operation: &Operation) -> String {
    match (operation.action, operation.outcome) {
        (Action::Read, Outcome::Found(value)) => format!("read {}", Shown(value)),
        (action, _) if operation.end.is_none() => format!("{action} ?"),
        (action, _) => action.to_string(),
    }
}

/// All of them.
pub(super) fn draw(operations: &[Operation]) -> String {
    let (columns, width) = columns(operations);
    let mut processes: Vec<u64> = Vec::new();
    for operation in operations {
        if !processes.contains(&operation.process) {
            processes.push(operation.process);
        }
    }
    let mut rows = vec![vec![' '; width]; processes.len()];
    for (operation, (from, to)) in operations.iter().zip(columns) {
        let row = processes.iter().position(|process| *process == operation.process).unwrap_or_default();
        // One of which nobody knows is not over.
        let (fill, last) = if operation.end.is_some() { ('─', '┤') } else { ('┄', '┄') };
        let text: Vec<char> = label(operation).chars().collect();
        let bar = &mut rows[row][from..=to];
        bar.fill(fill);
        bar[0] = '├';
        bar[to - from] = last;
        bar[2..2 + text.len()].copy_from_slice(&text);
    }
    let names: Vec<String> = processes.iter().map(|process| format!("process {process}")).collect();
    let widest = names.iter().map(String::len).max().unwrap_or_default();
    let mut text = String::new();
    for from in (0..width).step_by(WIDTH) {
        for (name, row) in names.iter().zip(&rows) {
            let piece: String = row[from..width.min(from + WIDTH)].iter().collect();
            if !piece.trim().is_empty() {
                text.push_str(&format!("  {name:widest$}  {}\n", piece.trim_end()));
            }
        }
        text.push('\n');
    }
    text.pop();
    text
}

/// The first and the last column of each bar, and how many columns there are.
fn columns(operations: &[Operation]) -> (Vec<(usize, usize)>, usize) {
    let begins = operations.iter().enumerate().map(|(place, it)| (it.begin, place, false));
    let ends = operations.iter().enumerate().filter_map(|(place, it)| Some((it.end?, place, true)));
    let mut events: Vec<_> = begins.chain(ends).collect();
    events.sort_unstable();
    // A bar, two ends and two gaps.
    let room = |place: usize| label(&operations[place]).chars().count() + 3;
    let (mut bars, mut next) = (vec![(0, 0); operations.len()], 0);
    for (_, place, is_end) in events {
        if is_end {
            bars[place].1 = next.max(bars[place].0 + room(place));
            next = bars[place].1 + 1;
        } else {
            bars[place].0 = next;
            next += 2;
        }
    }
    let open = |place: usize| operations[place].end.is_none();
    let widest = (0..bars.len()).filter(|place| open(*place)).map(|place| bars[place].0 + room(place) + 1);
    let width = widest.chain([next + 1]).max().unwrap_or_default();
    for place in (0..bars.len()).filter(|place| open(*place)) {
        bars[place].1 = width - 1;
    }
    (bars, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn bars_overlap_where_operations_did() {
        let operation = |process, action, outcome, begin, end| Operation {
            process,
            key: Arc::from("a"),
            action,
            outcome,
            begin,
            end,
        };
        let operations = [
            operation(0, Action::Write(Some(1)), Outcome::Done, 1, Some(2)),
            operation(7, Action::Write(Some(2)), Outcome::Unknown, 3, None),
            operation(12, Action::Read, Outcome::Found(None), 4, Some(5)),
        ];
        let drawn = "  process 0   ├─write 1─┤\n  \
                       process 7              ├┄write 2 ?┄┄┄┄┄┄┄┄\n  \
                       process 12               ├─read nothing─┤\n";
        assert_eq!(draw(&operations), drawn);
    }
}
