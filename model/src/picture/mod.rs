//! A picture of a path through the model, as SVG: a space-time diagram of its steps, and under it the state it leads to.
//!
//! A colour is a term, a texture is a role, a solid arrow has arrived; a legend says so. The same picture is shown for every
//! state in the explorer and written by the command line. It is self-contained: no script, no font, no link.
//!
//! | file         | holds                                             |
//! |--------------|---------------------------------------------------|
//! | `story.rs`   | the steps, and what became of each message        |
//! | `words.rs`   | what happens, in a few words                      |
//! | `layout.rs`  | where everything stands                           |
//! | `note.rs`    | what is written beside a step                     |
//! | `diagram.rs` | lines and arrows                                  |
//! | `cards.rs`   | the present state                                 |
//! | `boxes.rs`   | a log as boxes                                    |
//! | `legend.rs`  | what a reader must know                           |
//! | `style.rs`   | what looks how                                    |
//! | `canvas.rs`  | SVG                                               |

mod boxes;
mod canvas;
mod cards;
mod diagram;
mod layout;
mod legend;
mod note;
mod story;
mod style;
mod words;

use crate::system::{Action, Raft, State};
use canvas::{Area, Canvas, wrapped};
use layout::{Layout, MARGIN};
use stateright::Model;
use story::Story;

/// The most steps that the explorer draws: as many as fit a screen. Its list of actions has them all.
pub const STEPS_ON_A_SCREEN: usize = 10;

/// What stands above a picture.
#[derive(Clone, Copy, Debug)]
pub struct Caption<'a> {
    /// The name of what is seen.
    pub title: &'a str,
    /// What it shows.
    pub about: &'a str,
}

/// Draws the last steps of a path, at most so many, and the state they lead to. There is a state before each action and one
/// after the last; a path without a state has no picture.
#[must_use]
pub fn draw(
    model: &Raft,
    caption: Caption<'_>,
    actions: &[Action],
    states: &[State],
    at_most: usize,
) -> Option<String> {
    if states.len() != actions.len() + 1 {
        return None;
    }
    let story = Story::new(model, actions, states, at_most);
    let mut canvas = Canvas::default();
    let width = Layout::new(&story, 0).width();
    let mut head = Canvas::default();
    let top = draw_head(&mut head, model, caption, &story, width);
    let layout = Layout::new(&story, top + 30);
    diagram::draw_heads(&mut canvas, &story, &layout);
    diagram::draw(&mut canvas, &story, &layout);
    let bottom = cards::draw(&mut canvas, &story, &layout);
    let after = match actions.len() {
        0 => "the first state".to_owned(),
        1 => "the state after 1 step".to_owned(),
        steps => format!("the state after {steps} steps"),
    };
    canvas.text((MARGIN + 20, layout.bottom + 16), "sw-f", &after);
    let end = legend::draw(&mut canvas, model, bottom + 14, width);
    let mut paper = Canvas::default();
    let whole = Area { x: 0, y: 0, width, height: end };
    paper.rectangle(whole, r##"rx="6" fill="#ffffff""##);
    paper.append(head);
    paper.append(canvas);
    let description = format!("{}: {after} of {}", caption.title, model.name());
    Some(paper.into_svg(width, end, &style::definitions(), &description))
}

/// Title, subject, and which properties hold in the state. Answers where it ends.
fn draw_head(canvas: &mut Canvas, model: &Raft, caption: Caption<'_>, story: &Story<'_>, width: i32) -> i32 {
    canvas.text((MARGIN, 28), "sw-t", caption.title);
    let letters = usize::try_from(width / 6).unwrap_or(usize::MAX);
    let mut y = 34;
    for line in wrapped(caption.about, letters) {
        y += 14;
        canvas.text((MARGIN, y), "sw-f", &line);
    }
    let (holds, class) = judged(model, story.last());
    for line in wrapped(&holds, letters) {
        y += 16;
        canvas.text((MARGIN, y), class, &line);
    }
    y
}

/// Which properties hold in a state, and how to write it.
fn judged(model: &Raft, state: &State) -> (String, &'static str) {
    let properties = model.properties();
    let broken = properties.iter().filter(|property| !(property.condition)(model, state));
    let broken: Vec<&str> = broken.map(|property| property.name).collect();
    if broken.is_empty() {
        (format!("✓ all {} properties hold in this state", properties.len()), "sw-b")
    } else {
        (format!("✗ broken in this state: {}", broken.join(", ")), "sw-a")
    }
}
