//! What a reader must know, at the foot of the picture.

use super::boxes;
use super::canvas::{Area, Canvas, Point, pixels, text_width};
use super::layout::MARGIN;
use super::style::{FAINT, INK, Look, term_colour, time_line};
use crate::bounds::DiskKind;
use crate::system::Raft;
use seaworthy_protocol::Term;

/// The height of a row of the legend.
const ROW: i32 = 22;

/// Draws a sample to the right of a point.
type Draw = dyn Fn(&mut Canvas, Point);

/// A sample and what it means.
struct Sample {
    width: i32,
    words: String,
    draw: Box<Draw>,
}

/// Draws the legend. Answers where the picture ends.
pub(super) fn draw(canvas: &mut Canvas, model: &Raft, top: i32, width: i32) -> i32 {
    let rule = format!(r#"stroke="{FAINT}" stroke-width="0.5" stroke-opacity="0.6""#);
    canvas.line((MARGIN, top), (width - MARGIN, top), &rule);
    let (mut x, mut y) = (MARGIN, top + 16);
    for sample in samples(model) {
        let needs = sample.width + 6 + text_width(&sample.words, 58) + 18;
        if x + needs > width - MARGIN + 18 {
            (x, y) = (MARGIN, y + ROW);
        }
        (sample.draw)(canvas, (x, y));
        canvas.text((x + sample.width + 6, y + 4), "sw-f", &sample.words);
        x += needs;
    }
    y + ROW - 4
}

impl Sample {
    fn new(width: i32, words: &str, draw: impl Fn(&mut Canvas, Point) + 'static) -> Self {
        Self { width, words: words.to_owned(), draw: Box::new(draw) }
    }
}

fn samples(model: &Raft) -> Vec<Sample> {
    let terms = usize::try_from(model.bounds().max_term.0).map_or(9, |term| term.min(8) + 1);
    let mut samples = vec![
        Sample::new(8, "follower", |canvas, at| line(canvas, at, Look::Follower)),
        Sample::new(16, "candidate", |canvas, at| line(canvas, at, Look::Candidate)),
        Sample::new(16, "leader", |canvas, at| line(canvas, at, Look::Leader)),
        Sample::new(16 * pixels(terms), "a colour is a term", move |canvas, (x, y)| {
            for term in 0..terms {
                let area = Area { x: x + 16 * pixels(term), y: y - 7, width: 14, height: 14 };
                let colour = term_colour(Term(term as u64));
                canvas.rectangle(area, &format!(r#"rx="2" fill="{colour}""#));
                canvas.text((area.x + 4, y + 4), "sw-s", &term.to_string());
            }
        }),
        Sample::new(26, "a message arrives", |canvas, (x, y)| {
            let pen = format!(r#"stroke="{INK}" stroke-width="1.3" marker-end="url(#sw-arrow)""#);
            canvas.line((x, y), (x + 26, y), &pen);
        }),
        Sample::new(26, "is still in flight", |canvas, (x, y)| {
            let pen = format!(r#"stroke="{INK}" stroke-dasharray="3 2" marker-end="url(#sw-arrow)""#);
            canvas.line((x, y), (x + 26, y), &pen);
        }),
        Sample::new(26, "can do nothing any more", |canvas, (x, y)| {
            let area = Area { x, y: y - 6, width: 26, height: 12 };
            canvas.rectangle(area, &format!(r#"rx="3" fill="none" stroke="{FAINT}" stroke-dasharray="1 3""#));
            canvas.line((x + 3, y), (x + 23, y), &format!(r#"stroke="{FAINT}""#));
        }),
        Sample::new(38, "entry: index 2, of term 1, value 1 (-: a leader's no-op)", |canvas, at| {
            boxes::sample(canvas, at, boxes::Kind::OnDisk, false);
        }),
        Sample::new(38, "committed, as far as the node knows", |canvas, at| {
            boxes::sample(canvas, at, boxes::Kind::OnDisk, true);
        }),
        Sample::new(38, "given up", |canvas, at| boxes::sample(canvas, at, boxes::Kind::GivenUp, false)),
    ];
    if model.bounds().disk == DiskKind::Fifo {
        samples.push(Sample::new(38, "in memory, not on disk yet", |canvas, at| {
            boxes::sample(canvas, at, boxes::Kind::InMemoryOnly, false);
        }));
    }
    samples
}

fn line(canvas: &mut Canvas, (x, y): Point, look: Look) {
    time_line(canvas, (x + if look == Look::Follower { 4 } else { 8 }, y - 9), y + 9, look, Term(1));
}
