//! What looks how: a colour is a term, a texture is a role, everywhere in the picture.

use super::canvas::{Area, Canvas, Point};
use crate::server::Event;
use seaworthy_protocol::{Node, Role, Term};

/// Text and outlines.
pub(super) const INK: &str = "#1b1f24";
/// What is of less interest.
pub(super) const FAINT: &str = "#6b7480";
/// Crashes, entries given up, broken properties. Never the only sign of them.
pub(super) const ALARM: &str = "#b3261e";

/// The colours of Okabe and Ito, which those who are colour-blind tell apart too, in an order in which neighbours differ most.
/// Dark text is legible on all.
const TERM_COLOURS: [&str; 8] =
    ["#56b4e9", "#e69f00", "#2fb58a", "#cc79a7", "#f0e442", "#7f9cf5", "#e8743b", "#a8b0b8"];

/// The colour of a term. Term 0, before the first election, is grey.
pub(super) fn term_colour(term: Term) -> &'static str {
    let position = term.0.checked_sub(1).and_then(|position| usize::try_from(position).ok());
    position.map_or("#d5dae0", |position| TERM_COLOURS[position % TERM_COLOURS.len()])
}

/// A role without its data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Look {
    Follower,
    PreCandidate,
    Candidate,
    Leader,
}

impl Look {
    pub(super) const fn of(node: &Node<u8>) -> Self {
        match node.role() {
            Role::Follower { .. } => Self::Follower,
            Role::PreCandidate { .. } => Self::PreCandidate,
            Role::Candidate { .. } => Self::Candidate,
            Role::Leader { .. } => Self::Leader,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Follower => "follower",
            Self::PreCandidate => "pre-candidate",
            Self::Candidate => "candidate",
            Self::Leader => "leader",
        }
    }

    /// How an area is filled that stands for a node of this role in a term.
    pub(super) fn fill(self, term: Term) -> String {
        match self {
            Self::Follower => r##"fill="#ffffff""##.to_owned(),
            Self::PreCandidate | Self::Candidate => format!(r#"fill="url(#sw-stripes-{})""#, term.0 % 9),
            Self::Leader => format!(r#"fill="{}""#, term_colour(term)),
        }
    }
}

/// A stretch of a node's time line: thin for a follower, wide and striped for a candidate, half as wide for who asks whether to
/// be one, wide and solid for a leader.
pub(super) fn time_line(canvas: &mut Canvas, (x, y): Point, end: i32, look: Look, term: Term) {
    let half = match look {
        Look::Follower => 2,
        Look::PreCandidate => 4,
        Look::Candidate | Look::Leader => 7,
    };
    let fill = match look {
        Look::Follower => Look::Leader.fill(term),
        Look::PreCandidate | Look::Candidate | Look::Leader => look.fill(term),
    };
    let area = Area { x: x - half, y, width: 2 * half, height: end - y };
    canvas.rectangle(area, &format!(r#"{fill} stroke="{INK}" stroke-width="0.8""#));
}

/// A sign with a node's name, term and role.
pub(super) fn role_sign(canvas: &mut Canvas, area: Area, node: &Node<u8>, class: &str) {
    let look = Look::of(node);
    let term = node.current_term();
    let outline = match look {
        Look::Follower => term_colour(term),
        Look::PreCandidate | Look::Candidate | Look::Leader => INK,
    };
    let width = if look == Look::Follower { 2 } else { 1 };
    let style = format!(r#"rx="4" {} stroke="{outline}" stroke-width="{width}""#, look.fill(term));
    canvas.rectangle(area, &style);
    if matches!(look, Look::PreCandidate | Look::Candidate) {
        // Text on stripes is hard to read.
        let Area { x, y, width, height } = area;
        let inner = Area { x: x + 7, y: y + 4, width: width - 14, height: height - 8 };
        canvas.rectangle(inner, r##"rx="2" fill="#ffffff""##);
    }
    let middle = area.y + area.height / 2;
    emblem(canvas, (area.x + 11, middle - 6), look);
    canvas.text((area.x + 30, middle + 4), class, &format!("{}@{term} {}", node.id(), look.name()));
}

/// 14 by 12 pixels: a ring, a ring with a dot, a ring half full, a crown.
fn emblem(canvas: &mut Canvas, at: Point, look: Look) {
    let style = format!(r##"fill="#ffffff" stroke="{INK}" stroke-width="1.2" stroke-linejoin="round""##);
    let solid = format!(r#"fill="{INK}""#);
    match look {
        Look::Follower => canvas.circle((at.0 + 6, at.1 + 6), 4, &style),
        Look::PreCandidate => {
            canvas.circle((at.0 + 6, at.1 + 6), 5, &style);
            canvas.circle((at.0 + 6, at.1 + 6), 2, &solid);
        }
        Look::Candidate => {
            canvas.circle((at.0 + 6, at.1 + 6), 5, &style);
            canvas.outline(at, "M6 1A5 5 0 0 1 6 11Z", &solid);
        }
        Look::Leader => canvas.outline(at, "M0 11V2L4 6L7 0L10 6L14 2V11Z", &solid),
    }
}

/// A mark on a time line for what happens to the node there.
pub(super) fn event_mark(canvas: &mut Canvas, at: Point, event: Event) {
    let ring = format!(r##"fill="#ffffff" stroke="{INK}" stroke-width="1.4""##);
    let pen = format!(r#"fill="none" stroke="{INK}" stroke-width="1.6" stroke-linecap="round""#);
    let mut within_ring = |outline: &str| {
        canvas.circle(at, 8, &ring);
        canvas.outline(at, outline, &pen);
    };
    match event {
        Event::Deliver(_) => canvas.circle(at, 4, &format!(r##"fill="{INK}" stroke="#ffffff""##)),
        Event::ElectionTimeout => within_ring("M0 -5V0L4 2"),
        Event::HeartbeatTimeout => within_ring("M-6 0H-3L-1 -4L2 4L3 0H6"),
        Event::Propose(_) => within_ring("M-4 0H4M0 -4V4"),
        Event::Replicate => within_ring("M-4 -3L-1 0L-4 3M1 -3L4 0L1 3"),
        Event::Read(_) => within_ring("M-5 0Q0 -5 5 0Q0 5 -5 0M0 -1V1"),
        Event::Transfer(_) => within_ring("M-5 0H4M1 -3L4 0L1 3"),
        Event::Compact { .. } => {
            disk(canvas, at, &ring);
            canvas.outline(at, "M-4 3H4M-4 0H4M0 -4V-1", &pen);
        }
        Event::Stage { is_intact: true } => {
            disk(canvas, at, &ring);
            canvas.outline(at, "M0 -4V3M-3 0L0 3L3 0", &pen);
        }
        Event::Stage { is_intact: false } | Event::CannotWrite { .. } => {
            disk(canvas, at, &ring);
            canvas.outline(at, "M-4 -4L4 4M-4 4L4 -4", &pen);
        }
        Event::Complete => disk(canvas, at, &ring),
        Event::Confirm => {
            disk(canvas, at, &ring);
            canvas.outline(at, "M-3 1L-1 4L4 -1", &pen);
        }
        Event::Crash { .. } => {
            let pen = format!(r#"stroke="{ALARM}" stroke-width="3" stroke-linecap="round""#);
            canvas.circle(at, 9, r##"fill="#ffffff""##);
            canvas.outline(at, "M-6 -6L6 6M-6 6L6 -6", &pen);
        }
    }
}

fn disk(canvas: &mut Canvas, at: Point, style: &str) {
    canvas.outline(at, "M-7 -5V5A7 3 0 0 0 7 5V-5A7 3 0 0 0 -7 -5A7 3 0 0 0 7 -5", style);
}

/// The style sheet, arrow heads and textures. Names begin with `sw-`, since the explorer puts the picture into a page that
/// has its own.
pub(super) fn definitions() -> String {
    let mut text = format!(
        r##"<style>
.sw-m,.sw-s,.sw-b,.sw-f,.sw-h,.sw-t,.sw-k,.sw-a{{fill:{INK};font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,"DejaVu Sans",sans-serif}}
.sw-m,.sw-s,.sw-k{{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}}
.sw-m{{font-size:11px}} .sw-s{{font-size:10px}} .sw-k{{font-size:10px;fill:{FAINT}}}
.sw-t{{font-size:17px;font-weight:600}} .sw-h{{font-size:13px;font-weight:600}} .sw-b{{font-size:11px;font-weight:600}}
.sw-f{{font-size:11px;fill:{FAINT}}} .sw-a{{font-size:12px;font-weight:600;fill:{ALARM}}}
</style>
<defs>
<marker id="sw-arrow" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0L9 4L0 8Z" fill="{INK}"/></marker>
"##
    );
    for term in 0..9 {
        let colour = term_colour(Term(term));
        text.push_str(&format!(
            r##"<pattern id="sw-stripes-{term}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#ffffff"/><rect width="3" height="6" fill="{colour}"/></pattern>
"##
        ));
    }
    text.push_str("</defs>");
    text
}
