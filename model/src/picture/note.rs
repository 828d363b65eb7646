//! What is written beside a node's line at a step: its elements from top to bottom, and where each stands.

use super::boxes::{self, LogBox, SMALL};
use super::canvas::{Area, Canvas, Point, pixels, text_width};
use super::style::{FAINT, INK, role_sign, term_colour};
use crate::server::Server;
use seaworthy_protocol::Term;

/// The height of a message's label.
pub(super) const LABEL: i32 = 15;
/// The tenths of a pixel that a letter of a label is wide.
pub(super) const LABEL_LETTER: usize = 61;
/// From a time line to what is written beside it.
pub(super) const BESIDE: i32 = 16;
/// The tenths of a pixel that a letter of plain text is wide, in the widest of the usual fonts.
pub(super) const LETTER: usize = 64;

/// The width of a role's sign.
const SIGN_WIDTH: i32 = 146;

/// What is written beside a node's line.
pub(super) struct Note(pub(super) Vec<Element>);

/// One thing in a note.
pub(super) enum Element {
    /// What happens here.
    Event(String),
    /// Role and term, where they change.
    Sign(&'static Server),
    /// What comes of it.
    Line(String),
    /// The log, where it changes.
    Log(Vec<LogBox>),
    /// Messages that leave and do not arrive.
    Stub(Stub),
}

/// A message that did not arrive.
pub(super) struct Stub {
    pub(super) text: String,
    pub(super) term: Term,
    pub(super) is_dead: bool,
}

impl Note {
    /// How high it is.
    pub(super) fn height(&self, width: i32) -> i32 {
        self.0.iter().map(|element| element.height(width)).sum()
    }

    /// Where its elements stand.
    pub(super) fn areas(&self, (x, top): Point, width: i32) -> impl Iterator<Item = Area> {
        let mut y = top;
        self.0.iter().map(move |element| {
            let height = element.height(width);
            y += height;
            let top = y - height - element.rise();
            Area { x: x - 2, y: top, width: element.width(width) + 4, height }
        })
    }

    pub(super) fn draw(&self, canvas: &mut Canvas, at: Point, width: i32) {
        for (element, area) in self.0.iter().zip(self.areas(at, width)) {
            element.draw(canvas, area, width);
        }
    }
}

impl Element {
    fn height(&self, width: i32) -> i32 {
        match self {
            Self::Event(_) => 12,
            Self::Sign(_) => 23,
            Self::Line(_) => 14,
            Self::Log(entries) => boxes::height(entries.len(), SMALL, width) + 3,
            Self::Stub(_) => LABEL + 3,
        }
    }

    /// An event is written beside its mark, where no arrow arrives.
    const fn rise(&self) -> i32 {
        match self {
            Self::Event(_) => 7,
            Self::Sign(_) | Self::Line(_) | Self::Log(_) | Self::Stub(_) => 0,
        }
    }

    fn width(&self, width: i32) -> i32 {
        match self {
            Self::Event(text) => text_width(text, LETTER + 5),
            Self::Sign(_) => SIGN_WIDTH,
            Self::Line(text) => text_width(text, LETTER),
            Self::Log(entries) => (pixels(entries.len()) * SMALL.width).min(width),
            Self::Stub(stub) => 10 + label_width(&stub.text),
        }
    }

    fn draw(&self, canvas: &mut Canvas, area: Area, width: i32) {
        let (x, y) = (area.x + 2, area.y);
        match self {
            Self::Event(text) => {
                behind_text(canvas, area);
                canvas.text((x, y + 9), "sw-b", text);
            }
            Self::Sign(server) => {
                role_sign(canvas, Area { x, y: y + 1, width: SIGN_WIDTH, height: 19 }, &server.node, "sw-b");
            }
            Self::Line(text) => {
                behind_text(canvas, area);
                canvas.text((x, y + 10), "sw-f", text);
            }
            Self::Log(entries) => {
                boxes::draw(canvas, (x, y + 3), entries, SMALL, width);
            }
            Self::Stub(stub) => stub.draw(canvas, (x, y + 2)),
        }
    }
}

/// Arrows that pass are not to be read through.
fn behind_text(canvas: &mut Canvas, area: Area) {
    canvas.rectangle(area, r##"fill="#ffffff" fill-opacity="0.85""##);
}

impl Stub {
    fn draw(&self, canvas: &mut Canvas, (beside, y): Point) {
        let (line, x) = (beside - BESIDE, beside + 10);
        let middle = y + LABEL / 2;
        let area = Area { x, y, width: label_width(&self.text), height: LABEL };
        if self.is_dead {
            let pen = format!(r#"stroke="{FAINT}" stroke-width="1""#);
            let dotted = format!(r#"{pen} stroke-dasharray="1 3""#);
            canvas.line((line, middle), (x, middle), &dotted);
            draw_label(canvas, area, &self.text, self.term, &dotted, "sw-k");
            canvas.line((x + LABEL + 3, middle), (x + area.width - 3, middle), &pen);
        } else {
            let pen = format!(r#"stroke="{INK}" stroke-width="1" stroke-dasharray="3 2""#);
            canvas.line((line, middle), (x, middle), &format!(r#"{pen} marker-end="url(#sw-arrow)""#));
            draw_label(canvas, area, &self.text, self.term, &pen, "sw-s");
        }
    }
}

/// The width of a message's label: its term, then what it says.
pub(super) fn label_width(text: &str) -> i32 {
    LABEL + 9 + text_width(text, LABEL_LETTER)
}

/// A message's term in its colour, and what it says.
pub(super) fn draw_label(canvas: &mut Canvas, area: Area, text: &str, term: Term, pen: &str, class: &str) {
    let Area { x, y, width: _, height } = area;
    canvas.rectangle(area, &format!(r##"rx="3" fill="#ffffff" {pen}"##));
    let cap = Area { x: x + 1, y: y + 1, width: height - 1, height: height - 2 };
    canvas.rectangle(cap, &format!(r#"rx="2" fill="{}""#, term_colour(term)));
    canvas.text((x + 4, y + 11), "sw-s", &term.to_string());
    canvas.text((x + height + 4, y + 11), class, text);
}

/// Text of at most so many letters.
pub(super) fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let head: String = text.chars().take(letters.saturating_sub(1)).collect();
    head + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_ends_in_dots() {
        assert_eq!(shortened("heartbeat", 9), "heartbeat");
        assert_eq!(shortened("append 1@2:- 2@2:1", 9), "append 1…");
    }

    #[test]
    fn elements_stand_below_each_other() {
        let note = Note(vec![Element::Event("heartbeat".to_owned()), Element::Line("follows n1".to_owned())]);
        let areas: Vec<Area> = note.areas((0, 100), 200).collect();
        assert_eq!((areas[0].y, areas[1].y), (93, 112));
        assert_eq!(note.height(200), 26);
    }
}
