//! What groups matched, and Go's templates over them.

use regex_automata::Input;
use regex_automata::util::captures::Captures as Slots;

use super::GoRegex;

/// The groups of one match. Group 0 is the whole match.
#[derive(Clone, Debug)]
pub struct Captures<'t> {
    text: &'t str,
    slots: Slots,
}

impl<'t> Captures<'t> {
    /// What group `index` matched; `None` where it took no part in the match or does not exist.
    pub fn get(&self, index: usize) -> Option<&'t str> {
        let span = self.slots.get_group(index)?;
        self.text.get(span.range())
    }

    /// What a named group matched.
    pub fn name(&self, name: &str) -> Option<&'t str> {
        let span = self.slots.get_group_by_name(name)?;
        self.text.get(span.range())
    }

    /// Where the whole match lies in the text, in bytes.
    pub fn span(&self) -> std::ops::Range<usize> {
        self.slots.get_group(0).map_or(0..0, |span| span.range())
    }

    /// Appends `template` to `out` with `$1`, `$name` and `${name}` replaced, as Go's `Regexp.Expand` does it: a name
    /// is as long as it can be (`$1x` is the group `1x`), a group that does not exist is empty, `$$` is a dollar.
    pub fn expand(&self, template: &str, out: &mut String) {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            match reference(rest) {
                Some((name, after)) => {
                    out.push_str(self.referenced(name).unwrap_or_default());
                    rest = after;
                }
                None => out.push('$'),
            }
        }
        out.push_str(rest);
    }

    fn referenced(&self, name: &str) -> Option<&'t str> {
        // A number with a leading zero is a name, as in Go.
        let numeric =
            name.bytes().all(|byte| byte.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
        if numeric { self.get(name.parse().ok()?) } else { self.name(name) }
    }
}

/// The name after a dollar, and what follows it; `None` where the dollar is just a dollar.
fn reference(text: &str) -> Option<(&str, &str)> {
    let word = |text: &str| text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    if let Some(inside) = text.strip_prefix('{') {
        let (name, after) = inside.split_at(word(inside));
        return after.strip_prefix('}').filter(|_| !name.is_empty()).map(|after| (name, after));
    }
    let (name, after) = text.split_at(word(text));
    (!name.is_empty()).then_some((name, after))
}

impl GoRegex {
    /// The names of the groups by index; group 0 and groups in plain parentheses have none.
    pub fn capture_names(&self) -> Vec<Option<&str>> {
        self.automaton().group_info().pattern_names(regex_automata::PatternID::ZERO).collect()
    }

    /// The leftmost match and its groups.
    pub fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.captures_at(text, 0)
    }

    /// The leftmost match that starts at byte `start` or later. What lies before still counts for `^` and `\b`.
    pub fn captures_at<'t>(&self, text: &'t str, start: usize) -> Option<Captures<'t>> {
        let input = Input::new(text).range(start..text.len());
        let mut slots = self.automaton().create_captures();
        self.automaton().search_captures(&input, &mut slots);
        slots.is_match().then_some(Captures { text, slots })
    }

    /// The text with every match replaced by the template, as Go's `ReplaceAllString`.
    pub fn replace_all(&self, text: &str, template: &str) -> String {
        self.replace_all_with(text, |captures, out| captures.expand(template, out))
    }

    /// The text with every match replaced by what `replace` appends. An empty match right after a match is skipped,
    /// as Go does it.
    pub fn replace_all_with(
        &self,
        text: &str,
        mut replace: impl FnMut(&Captures<'_>, &mut String),
    ) -> String {
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        let mut start = 0;
        while start <= text.len()
            && let Some(captures) = self.captures_at(text, start)
        {
            let span = captures.span();
            out.push_str(&text[copied..span.start]);
            // Go drops an empty match that touches the match before it, but not at the start of the text.
            if span.end > copied || span.start == 0 {
                replace(&captures, &mut out);
            }
            copied = span.end;
            start = if span.is_empty() {
                span.end + text[span.end..].chars().next().map_or(1, char::len_utf8)
            } else {
                span.end
            };
        }
        out.push_str(&text[copied..]);
        out
    }
}
