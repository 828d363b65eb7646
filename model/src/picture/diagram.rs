//! The space-time diagram: a line a node, time running down, messages as arrows between the lines.

use super::canvas::{Area, Canvas, Point, pixels};
use super::layout::{BELOW, LINE, Layout, MARGIN};
use super::note::{BESIDE, LABEL, LABEL_LETTER, draw_label, label_width, shortened};
use super::story::Story;
use super::style::{FAINT, INK, Look, event_mark, time_line};
use super::words;
use crate::server::Event;

/// Draws the diagram.
pub(super) fn draw(canvas: &mut Canvas, story: &Story<'_>, layout: &Layout) {
    draw_script(canvas, story, layout);
    let mut labels = Canvas::default();
    draw_arrows(canvas, &mut labels, story, layout);
    for column in 0..layout.columns {
        draw_time_line(canvas, story, layout, column);
    }
    for (index, row) in layout.rows.iter().enumerate() {
        for (column, note) in row.notes.iter().enumerate() {
            if let Some(note) = note {
                let at = (layout.line(column) + BESIDE, row.arrival() + BELOW);
                note.draw(canvas, at, layout.width_beside());
            }
        }
        if let Some((_, action)) = story.step(index) {
            event_mark(canvas, (layout.line_of(action.node), row.arrival()), action.event);
        }
    }
    canvas.append(labels);
}

/// The steps in the one notation, with their numbers, each over a faint line.
fn draw_script(canvas: &mut Canvas, story: &Story<'_>, layout: &Layout) {
    for (index, row) in layout.rows.iter().enumerate() {
        let base = row.arrival() + 4;
        let Some((number, _)) = story.step(index) else {
            if story.untold > 0 {
                let told = if story.untold == 1 {
                    "step 1 is not drawn".to_owned()
                } else {
                    format!("steps 1 to {} are not drawn", story.untold)
                };
                canvas.text((MARGIN, base), "sw-f", &told);
            }
            continue;
        };
        let rule = format!(r#"stroke="{FAINT}" stroke-width="0.5" stroke-opacity="0.35""#);
        canvas.line((MARGIN, row.top - 2), (layout.width() - MARGIN, row.top - 2), &rule);
        canvas.text((MARGIN, base), "sw-k", &format!("{number:>2}"));
        for (position, line) in row.script.iter().enumerate() {
            canvas.text((MARGIN + 20, base + pixels(position) * LINE), "sw-m", line);
        }
    }
}

/// A node's line, as wide and as coloured as its role and term make it.
fn draw_time_line(canvas: &mut Canvas, story: &Story<'_>, layout: &Layout, column: usize) {
    let x = layout.line(column);
    let look = |row: usize| {
        let node = &story.server(row, column).node;
        (Look::of(node), node.current_term())
    };
    let (mut from, mut current) = (layout.top - 4, look(0));
    for (index, row) in layout.rows.iter().enumerate().skip(1) {
        let crashes = story.step(index).is_some_and(|(_, action)| {
            matches!(action.event, Event::Crash { .. }) && layout.line_of(action.node) == x
        });
        if look(index) != current || crashes {
            time_line(canvas, (x, from), row.arrival(), current.0, current.1);
            (from, current) = (row.arrival(), look(index));
        }
    }
    time_line(canvas, (x, from), layout.bottom, current.0, current.1);
}

/// An arrow for each arrival, and its label where it covers least.
fn draw_arrows(canvas: &mut Canvas, labels: &mut Canvas, story: &Story<'_>, layout: &Layout) {
    let mut taken: Vec<Area> = layout.notes().collect();
    for column in 0..layout.columns {
        let height = layout.bottom - layout.top;
        taken.push(Area { x: layout.line(column) - 10, y: layout.top, width: 20, height });
    }
    for letter in &story.letters {
        for row in letter.arrivals() {
            let packet = letter.packet.value();
            let from = (layout.line_of(packet.from), layout.rows[letter.sent_in].departure);
            let arrival = layout.rows[row].arrival();
            let to = (layout.line_of(packet.to), arrival.max(from.1));
            let inwards = if to.0 > from.0 { -5 } else { 5 };
            let pen = format!(r#"stroke="{INK}" stroke-width="1.3" marker-end="url(#sw-arrow)""#);
            canvas.line(from, (to.0 + inwards, to.1), &pen);
            let room = usize::try_from(layout.pitch - 60).unwrap_or(0) * 10 / LABEL_LETTER;
            let text = shortened(&words::brief(packet), room);
            let area = label_area(from, to, label_width(&text), &taken);
            draw_label(
                labels,
                area,
                &text,
                packet.term,
                &format!(r#"stroke="{INK}" stroke-width="0.8""#),
                "sw-s",
            );
            taken.push(area);
        }
    }
}

/// Where on an arrow a label covers least, as near to the middle as can be.
fn label_area(from: Point, to: Point, width: i32, taken: &[Area]) -> Area {
    let on_the_arrow = |percent: i32| {
        let x = from.0 + (to.0 - from.0) * percent / 100;
        let y = from.1 + (to.1 - from.1) * percent / 100;
        Area { x: x - width / 2, y: y - LABEL / 2, width, height: LABEL }
    };
    let covered = |area: &Area| taken.iter().map(|other| area.overlap(*other)).sum::<i32>();
    let places = [50, 44, 56, 38, 62, 32, 68, 26, 74, 20, 80].map(on_the_arrow);
    places.into_iter().min_by_key(covered).unwrap_or_else(|| on_the_arrow(50))
}

/// The script's heading and the nodes' names above their lines.
pub(super) fn draw_heads(canvas: &mut Canvas, story: &Story<'_>, layout: &Layout) {
    canvas.text((MARGIN + 20, layout.top - 12), "sw-f", "what happens, step by step");
    for (column, server) in story.last().servers().iter().enumerate() {
        let x = layout.line(column);
        canvas.text((x - 7, layout.top - 12), "sw-h", &server.node.id().to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_moves_along_its_arrow_to_where_it_covers_nothing() {
        let middle = label_area((0, 0), (200, 0), 40, &[]);
        assert_eq!(middle.x, 80);
        let moved = label_area((0, 0), (200, 0), 40, &[middle]);
        assert_eq!(moved.overlap(middle), 0);
    }
}
