//! SVG elements, one call each. Knows nothing of Raft. Coordinates are whole pixels, so that equal pictures are equal bytes.

/// A point.
pub(super) type Point = (i32, i32);

/// A rectangle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Area {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

impl Area {
    /// How many pixels two rectangles share.
    pub(super) fn overlap(self, other: Self) -> i32 {
        let shared = |a: i32, a_length: i32, b: i32, b_length: i32| {
            ((a + a_length).min(b + b_length) - a.max(b)).max(0)
        };
        shared(self.x, self.width, other.x, other.width) * shared(self.y, self.height, other.y, other.height)
    }
}

/// Elements that follow each other: what comes later lies above.
#[derive(Debug, Default)]
pub(super) struct Canvas(String);

impl Canvas {
    pub(super) fn rectangle(&mut self, area: Area, style: &str) {
        let Area { x, y, width, height } = area;
        self.element(&format!(r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" {style}/>"#));
    }

    pub(super) fn line(&mut self, (x1, y1): Point, (x2, y2): Point, style: &str) {
        self.element(&format!(r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {style}/>"#));
    }

    pub(super) fn circle(&mut self, (x, y): Point, radius: i32, style: &str) {
        self.element(&format!(r#"<circle cx="{x}" cy="{y}" r="{radius}" {style}/>"#));
    }

    /// An outline in SVG's path language, moved to a point.
    pub(super) fn outline(&mut self, (x, y): Point, outline: &str, style: &str) {
        self.element(&format!(r#"<path transform="translate({x} {y})" d="{outline}" {style}/>"#));
    }

    /// Text whose first letter begins at a point, in one of the classes of the style sheet.
    pub(super) fn text(&mut self, (x, y): Point, class: &str, text: &str) {
        self.element(&format!(r#"<text x="{x}" y="{y}" class="{class}">{}</text>"#, escaped(text)));
    }

    /// Everything that was drawn elsewhere, above what was drawn here so far.
    pub(super) fn append(&mut self, other: Self) {
        self.0.push_str(&other.0);
    }

    /// One whole document.
    pub(super) fn into_svg(self, width: i32, height: i32, definitions: &str, description: &str) -> String {
        let description = escaped(description);
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">
<title>{description}</title>
{definitions}
{}</svg>
"#,
            self.0
        )
    }

    fn element(&mut self, element: &str) {
        self.0.push_str(element.trim_end());
        self.0.push('\n');
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // Not allowed in XML, whatever a file name or a script may hold.
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

/// Words in lines of at most `width` letters. A word that is longer has a line to itself.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A count as pixels.
pub(super) fn pixels(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// The width of a text of which each letter is `tenths` of a pixel wide.
pub(super) fn text_width(text: &str, tenths: usize) -> i32 {
    pixels(text.chars().count() * tenths / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_out_of_its_element() {
        let mut canvas = Canvas::default();
        canvas.text((1, 2), "m", "a<b> & \"c\"\u{1b}");
        assert_eq!(canvas.0, "<text x=\"1\" y=\"2\" class=\"m\">a&lt;b&gt; &amp; &quot;c&quot; </text>\n");
    }

    #[test]
    fn lines_are_broken_between_words_only() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("indivisible a", 4), ["indivisible", "a"]);
    }

    #[test]
    fn rectangles_that_merely_touch_do_not_overlap() {
        let area = |x, y| Area { x, y, width: 10, height: 10 };
        assert_eq!(area(0, 0).overlap(area(10, 0)), 0);
        assert_eq!(area(0, 0).overlap(area(5, 8)), 10);
    }
}
