//! A script's lines: trimmed, numbered from 1, comments read as empty lines.

/// Walks the lines of a script.
pub(super) struct Lines<'a> {
    lines: std::iter::Peekable<std::iter::Enumerate<std::str::Split<'a, char>>>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Lines { lines: text.split('\n').enumerate().peekable() }
    }

    /// The next line that is not empty: the start of a command.
    pub(super) fn next_command(&mut self) -> Option<(usize, &'a str)> {
        loop {
            let (index, line) = self.lines.next()?;
            let line = meaning(line);
            if !line.is_empty() {
                return Some((index + 1, line));
            }
        }
    }

    /// The next line of the current command; `None` at its end.
    pub(super) fn next_line(&mut self) -> Option<(usize, &'a str)> {
        let (index, line) = self.lines.next_if(|(_, line)| !meaning(line).is_empty())?;
        Some((index + 1, meaning(line)))
    }

    /// Steps over the rest of the current command.
    pub(super) fn skip_command(&mut self) {
        while self.next_line().is_some() {}
    }
}

/// The line without blanks around it; a comment means nothing.
fn meaning(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with('#') { "" } else { line }
}
