//! A log as boxes: an entry each, coloured by its term, with what is committed and what is on disk.

use super::canvas::{Area, Canvas, Point, pixels};
use super::style::{ALARM, INK, term_colour};
use crate::server::Server;
use seaworthy_protocol::notation::Run;
use seaworthy_protocol::{Entry, Index, Log, Node, Term};

/// One entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct LogBox {
    text: String,
    term: Term,
    kind: Kind,
    is_committed: bool,
}

/// What is to be known of an entry besides what it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    OnDisk,
    InMemoryOnly,
    GivenUp,
}

/// How large the boxes are.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) width: i32,
    pub(super) height: i32,
}

/// Beside a step.
pub(super) const SMALL: Size = Size { width: 40, height: 17 };
/// In the present state.
pub(super) const LARGE: Size = Size { width: 42, height: 24 };
/// Between rows of boxes: the line under what is committed, and some air.
const GAP: i32 = 6;

fn boxes(log: &Log<u8>, kind: impl Fn(Index, &Entry<u8>) -> Kind, commit_index: Index) -> Vec<LogBox> {
    let one = |(position, entry): (usize, &Entry<u8>)| {
        let before = log.base().index.plus(position);
        let index = before.plus(1);
        LogBox {
            text: Run(before, std::slice::from_ref(entry)).to_string(),
            term: entry.term,
            kind: kind(index, entry),
            is_committed: index <= commit_index,
        }
    };
    let without_brackets =
        |entry: LogBox| LogBox { text: entry.text.trim_matches(['[', ']']).to_owned(), ..entry };
    log.entries().iter().enumerate().map(one).map(without_brackets).collect()
}

/// The log in a node's memory.
pub(super) fn in_memory(server: &Server) -> Vec<LogBox> {
    let on_disk = server.durable().log();
    let kind = |index: Index, entry: &Entry<u8>| {
        if on_disk.get(index) == Some(entry) { Kind::OnDisk } else { Kind::InMemoryOnly }
    };
    boxes(server.node.log(), kind, server.node.commit_index())
}

/// The log on a node's disk.
pub(super) fn on_disk(server: &Server) -> Vec<LogBox> {
    boxes(server.durable().log(), |_, _| Kind::OnDisk, Index(0))
}

/// What a node gave up in a step, in its old places; nothing if it gave up nothing.
pub(super) fn given_up(before: &Node<u8>, after: &Node<u8>) -> Vec<LogBox> {
    let stays = |index: Index, entry: &Entry<u8>| {
        index <= after.log().base().index || after.log().get(index) == Some(entry)
    };
    let kind = |index: Index, entry: &Entry<u8>| {
        if stays(index, entry) { Kind::OnDisk } else { Kind::GivenUp }
    };
    let all = boxes(before.log(), kind, before.commit_index());
    if all.iter().any(|entry| entry.kind == Kind::GivenUp) { all } else { Vec::new() }
}

/// How many entries a node gave up in a step.
pub(super) fn given_up_count(before: &Node<u8>, after: &Node<u8>) -> usize {
    given_up(before, after).iter().filter(|entry| entry.kind == Kind::GivenUp).count()
}

/// A box for the legend, centred on a height.
pub(super) fn sample(canvas: &mut Canvas, (x, y): Point, kind: Kind, is_committed: bool) {
    let sample = LogBox { text: "2@1:1".to_owned(), term: Term(1), kind, is_committed };
    sample.draw(canvas, Area { x, y: y - SMALL.height / 2, width: SMALL.width, height: SMALL.height });
}

/// Draws boxes from a point on, in as many rows as they need. Answers how high they are.
pub(super) fn draw(canvas: &mut Canvas, at: Point, boxes: &[LogBox], size: Size, width: i32) -> i32 {
    let in_a_row = usize::try_from(width / size.width).unwrap_or(1).max(1);
    for (position, entry) in boxes.iter().enumerate() {
        let column = pixels(position % in_a_row);
        let row = pixels(position / in_a_row);
        let corner = (at.0 + column * size.width, at.1 + row * (size.height + GAP));
        entry.draw(canvas, Area { x: corner.0, y: corner.1, width: size.width, height: size.height });
    }
    height(boxes.len(), size, width)
}

/// How high so many boxes will be.
pub(super) fn height(count: usize, size: Size, width: i32) -> i32 {
    let in_a_row = usize::try_from(width / size.width).unwrap_or(1).max(1);
    pixels(count.div_ceil(in_a_row)) * (size.height + GAP)
}

impl LogBox {
    fn draw(&self, canvas: &mut Canvas, area: Area) {
        let Area { x, y, width, height } = area;
        let colour = term_colour(self.term);
        let base = (y + height / 2) + 4;
        match self.kind {
            Kind::OnDisk => {
                canvas.rectangle(area, &format!(r#"fill="{colour}" stroke="{INK}" stroke-width="0.8""#));
            }
            Kind::InMemoryOnly => {
                let pale = format!(r##"fill="#ffffff" stroke="{INK}" stroke-dasharray="3 2""##);
                canvas.rectangle(area, &pale);
                canvas.rectangle(Area { width: 4, ..area }, &format!(r#"fill="{colour}""#));
            }
            Kind::GivenUp => {
                let pale = format!(r#"fill="{colour}" fill-opacity="0.25" stroke="{ALARM}""#);
                canvas.rectangle(area, &pale);
            }
        }
        canvas.text((x + 5, base), "sw-s", &self.text);
        if self.kind == Kind::GivenUp {
            let pen = format!(r#"stroke="{ALARM}" stroke-width="1.6""#);
            canvas.line((x + 2, y + height - 2), (x + width - 2, y + 2), &pen);
        }
        if self.is_committed {
            let line = Area { x, y: y + height, width, height: 3 };
            canvas.rectangle(line, &format!(r#"fill="{INK}""#));
        }
    }
}
