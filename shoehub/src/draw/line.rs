//! Painted lines, boxes around them, and the way to the terminal.

use std::fmt::Write;

/// How wide everything is drawn, in characters.
pub const WIDTH: usize = 108;

/// The look of a piece of text: a colour of the usual 256, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// As the terminal writes.
    #[default]
    Plain,
    /// Strong.
    Bold,
    /// Faint: what only explains.
    Dim,
    /// A colour of the palette of 256.
    Colour(u8),
    /// A cell of this colour. What is written in it is shown only where there are no colours.
    Heat(u8),
    /// Something is wrong.
    Alarm,
}

impl Paint {
    /// Colours for series, told apart by most eyes.
    pub fn series(number: usize) -> Paint {
        const COLOURS: [u8; 6] = [39, 208, 77, 213, 220, 123];
        Paint::Colour(COLOURS[number % COLOURS.len()])
    }

    fn code(self) -> Option<String> {
        match self {
            Paint::Plain => None,
            Paint::Bold => Some("1".to_owned()),
            Paint::Dim => Some("2".to_owned()),
            Paint::Heat(number) => Some(format!("48;5;{number};38;5;{number}")),
            Paint::Colour(number) => Some(format!("38;5;{number}")),
            Paint::Alarm => Some("1;38;5;203".to_owned()),
        }
    }
}

/// One line of painted pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pieces: Vec<(Paint, String)>,
}

impl Line {
    /// A line of one plain piece.
    pub fn plain(text: impl Into<String>) -> Self {
        Line::default().with(Paint::Plain, text)
    }

    /// A line of one piece.
    pub fn of(paint: Paint, text: impl Into<String>) -> Self {
        Line::default().with(paint, text)
    }

    /// The line with a piece more.
    #[must_use]
    pub fn with(mut self, paint: Paint, text: impl Into<String>) -> Self {
        self.pieces.push((paint, text.into()));
        self
    }

    /// The line with the pieces of another.
    #[must_use]
    pub fn and(mut self, other: Line) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// How many characters it shows.
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.chars().count()).sum()
    }

    /// The line cut or filled with blanks to a width.
    #[must_use]
    pub fn fit(mut self, width: usize) -> Self {
        let mut room = width;
        for (_, text) in &mut self.pieces {
            if let Some((cut, _)) = text.char_indices().nth(room) {
                text.truncate(cut);
            }
            room -= text.chars().count();
        }
        self.with(Paint::Plain, " ".repeat(room))
    }

    /// Its text without paint.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }
}

/// A box with a title above and a note, the query, below: on the edge where it fits, else in lines of its own.
pub fn boxed(title: &str, note: &str, mut lines: Vec<Line>, width: usize) -> Vec<Line> {
    let inside = width.saturating_sub(4);
    let edge = |corners: [&str; 2], paint: Paint, text: &str| {
        let text: String = text.chars().take(inside.saturating_sub(2)).collect();
        let (before, gap) =
            if text.is_empty() { ("─", String::new()) } else { ("─ ", format!("{text} ")) };
        let rest = width.saturating_sub(2 + before.chars().count() + gap.chars().count());
        Line::of(Paint::Dim, format!("{}{before}", corners[0]))
            .with(paint, gap)
            .with(Paint::Dim, format!("{}{}", "─".repeat(rest), corners[1]))
    };
    let fits = note.chars().count() + 2 <= inside;
    if !fits {
        let note: Vec<char> = note.chars().collect();
        lines.extend(note.chunks(inside).map(|part| Line::of(Paint::Dim, String::from_iter(part))));
    }
    let mut out = vec![edge(["╭", "╮"], Paint::Bold, title)];
    for line in lines {
        out.push(Line::of(Paint::Dim, "│ ").and(line.fit(inside)).with(Paint::Dim, " │"));
    }
    out.push(edge(["╰", "╯"], Paint::Dim, if fits { note } else { "" }));
    out
}

/// Two blocks side by side; the shorter one is filled up, above its last line, so that boxes end together.
pub fn beside(mut left: Vec<Line>, mut right: Vec<Line>) -> Vec<Line> {
    let height = left.len().max(right.len());
    for block in [&mut left, &mut right] {
        let width = block.first().map_or(0, Line::width);
        let filler =
            Line::of(Paint::Dim, "│").and(Line::default().fit(width.saturating_sub(2))).with(Paint::Dim, "│");
        let last = block.len().saturating_sub(1);
        let missing = height - block.len();
        block.splice(last..last, std::iter::repeat_n(filler, missing));
    }
    left.into_iter().zip(right).map(|(left, right)| left.with(Paint::Plain, "  ").and(right)).collect()
}

/// The lines as text, each with a newline.
pub fn render(lines: &[Line], colour: bool) -> String {
    let mut out = String::new();
    for line in lines {
        if !colour {
            out.push_str(line.text().trim_end());
        } else {
            for (paint, text) in &line.pieces {
                // Writing to a string cannot fail.
                let _ = match paint.code() {
                    Some(code) => write!(out, "\x1b[{code}m{text}\x1b[0m"),
                    None => write!(out, "{text}"),
                };
            }
        }
        out.push('\n');
    }
    out
}
