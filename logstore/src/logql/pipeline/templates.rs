//! What a pipeline says of a template, found by running its first parser over the template itself.
//!
//! Each slot gets a mark, a run of digits that stands nowhere else in the template. What the parser does with the marked
//! line it does with every line of the template, because it looks at quotes, brackets, blanks, `=` and `:` and at the first
//! byte of a bare value, and the kinds of the slots (see [`crate::templates`]) say that none of that can come from a value.
//! So the label that holds a mark is the label of that slot, and a template without the parts that no wanted label comes
//! from gives the same labels: which is checked by running the parser over that, too. Where a template does not fit (a slot
//! that is a key, an error, a bare word in JSON) the pipeline says nothing, and whole lines are run.

use crate::logql::json::{self, Event, JsonType, Walk};
use crate::logql::logfmt::Pairs;
use crate::logql::pipeline::hints::Hints;
use crate::logql::pipeline::json_picker::JsonPicker;
use crate::logql::pipeline::label_filter::LabelTest;
use crate::logql::pipeline::labels::{LineLabels, push_name};
use crate::logql::pipeline::parsers::{JsonParser, LogfmtParser, LogfmtPicker};
use crate::logql::pipeline::{Pipeline, Source, Step};
use crate::templates::{LineTemplate, ShortTemplate, SlotKind, TemplateQuery, TemplateReading};

/// What a name gets behind it where the stream or the metadata already have it.
const DUPLICATE_SUFFIX: &str = "_extracted";
/// What marks have in common; no fixed text may hold it.
const MARK_START: &[u8] = b"70417";
const MARK_END: &[u8] = b"71407";

/// A parser that can be run over a template.
#[derive(Debug)]
enum Parser {
    Json,
    JsonPicks(JsonPicker),
    Logfmt(LogfmtParser),
    LogfmtPicks(LogfmtPicker),
}

/// The first parser of a pipeline, and the filters right behind it.
#[derive(Debug)]
pub(crate) struct PipelineTemplates {
    parser: Parser,
    /// Conditions that a line has to fulfil, each on one label.
    tests: Vec<LabelTest>,
    /// What the pipeline needs of the parser, where lines may be short.
    short_for: Option<Hints>,
}

impl Pipeline {
    /// What this pipeline says of templates; nothing where its first look at a line is not one that is understood. Lines
    /// may be short where the caller does not look at them and `may_shorten`.
    pub(crate) fn into_templates(self, may_shorten: bool) -> Option<PipelineTemplates> {
        if self.hints.wants_nothing() {
            return None;
        }
        let Pipeline { steps, hints, .. } = self;
        let mut steps = steps.into_iter();
        let mut reads_line = false;
        let parser = loop {
            match steps.next()? {
                Step::Lines(_) => reads_line = true,
                Step::Labels(_) => {}
                Step::Json(_) => break Parser::Json,
                Step::JsonPicks(picker) => break Parser::JsonPicks(*picker),
                Step::Logfmt(parser) if !parser.is_strict() => break Parser::Logfmt(parser),
                Step::LogfmtPicks(picker) if !picker.is_strict() => break Parser::LogfmtPicks(picker),
                _ => return None,
            }
        };
        let mut tests = Vec::new();
        let mut right_behind = true;
        for step in steps {
            match step {
                Step::Labels(test) if right_behind => test.conjuncts(&mut tests),
                Step::Labels(_) | Step::Drop(_) | Step::Keep(_) => right_behind = false,
                Step::LabelFormat(formats) => {
                    right_behind = false;
                    reads_line |= formats.iter().any(|(_, source)| matches!(source, Source::Template(_)));
                }
                _ => {
                    right_behind = false;
                    reads_line = true;
                }
            }
        }
        let picks = matches!(parser, Parser::JsonPicks(_) | Parser::LogfmtPicks(_));
        let short = may_shorten && !reads_line && (picks || hints.names_labels());
        if tests.is_empty() && !short {
            return None;
        }
        Some(PipelineTemplates { parser, tests, short_for: short.then(|| hints.without_filters()) })
    }
}

/// A template with marks in its slots.
struct Marked {
    line: Vec<u8>,
    /// Where each mark lies.
    marks: Vec<(usize, usize)>,
}

impl Marked {
    /// None where a text looks like a mark, or a quoted slot is a key.
    fn new(template: &LineTemplate<'_>) -> Option<Self> {
        let holds_mark = |text: &Vec<u8>| memchr::memmem::find(text, MARK_START).is_some();
        let behind = template.texts.iter().skip(1);
        let is_key = |text: &[u8]| {
            let after_quote = text.strip_prefix(b"\"").map(<[u8]>::trim_ascii_start);
            after_quote.is_some_and(|rest| rest.starts_with(b":"))
        };
        let keys = behind.zip(template.slots).any(|(text, kind)| *kind == SlotKind::Quoted && is_key(text));
        if keys || template.texts.iter().any(holds_mark) || template.texts.len() != template.slots.len() + 1 {
            return None;
        }
        let mut marked = Marked { line: Vec::new(), marks: Vec::with_capacity(template.slots.len()) };
        for (slot, text) in template.texts.iter().enumerate() {
            marked.line.extend_from_slice(text);
            if slot < template.slots.len() {
                let start = marked.line.len();
                marked.line.extend_from_slice(&mark(slot));
                marked.marks.push((start, marked.line.len()));
            }
        }
        Some(marked)
    }

    /// Whether a mark lies in the range, in part or as a whole.
    fn any_mark_in(&self, start: usize, end: usize) -> bool {
        self.marks.iter().any(|&(from, to)| from < end && start < to)
    }

    /// Where a piece of the line lies.
    fn range_of(&self, piece: &[u8]) -> (usize, usize) {
        let start = (piece.as_ptr() as usize).wrapping_sub(self.line.as_ptr() as usize).min(self.line.len());
        (start, (start + piece.len()).min(self.line.len()))
    }
}

fn mark(slot: usize) -> Vec<u8> {
    [MARK_START, format!("{slot:04}").as_bytes(), MARK_END].concat()
}

/// The slot whose mark a value is.
fn slot_of(value: &[u8]) -> Option<usize> {
    let number = value.strip_prefix(MARK_START)?.strip_suffix(MARK_END)?;
    str::from_utf8(number).ok()?.parse().ok()
}

impl TemplateQuery for PipelineTemplates {
    fn read(&self, template: &LineTemplate<'_>) -> TemplateReading {
        let mut reading = TemplateReading::default();
        let is_json = matches!(self.parser, Parser::Json | Parser::JsonPicks(_));
        if is_json && template.slots.contains(&SlotKind::Word) {
            return reading;
        }
        let Some(marked) = Marked::new(template) else { return reading };
        let all = Hints::default();
        let Some(labels) = self.labels_of(&marked.line, &all) else { return reading };
        let Some(members) = self.members(&marked) else { return reading };
        for (number, test) in self.tests.iter().enumerate() {
            let Some(name) = test.single_name() else { continue };
            match labels.get(name) {
                None => reading.none |= test.drops(None),
                Some(value) => match slot_of(value.as_bytes()) {
                    Some(slot) => reading.tests.push((slot, number)),
                    None if value.as_bytes().windows(MARK_START.len()).any(|part| part == MARK_START) => {}
                    None => reading.none |= !self.passes(number, value.as_bytes()),
                },
            }
        }
        reading.short = self.short_for.as_ref().and_then(|hints| self.shorten(&marked, &members, hints));
        reading
    }

    fn passes(&self, test: usize, value: &[u8]) -> bool {
        // What a parser changes, leaves out or cannot read is left to the pipeline.
        if value.is_empty() || value == b"null" || value.contains(&b'\\') {
            return true;
        }
        let (Some(test), Ok(value)) = (self.tests.get(test), str::from_utf8(value)) else { return true };
        value.contains('\u{fffd}') || !test.drops(Some(value))
    }

    fn is_about(&self, label: &str) -> bool {
        self.tests.iter().filter_map(LabelTest::single_name).any(|name| {
            name.strip_prefix(label).is_some_and(|rest| rest.is_empty() || rest == DUPLICATE_SUFFIX)
        })
    }
}

/// A member of an object, or a pair: its name, whether it holds others, and where it lies.
struct Member {
    name: String,
    key: Vec<u8>,
    is_object: bool,
    start: usize,
    end: usize,
}

impl PipelineTemplates {
    /// The labels that the parser takes out of a line; none where the line has an error.
    fn labels_of(&self, line: &[u8], hints: &Hints) -> Option<LineLabels> {
        let mut labels = LineLabels::new(1 << 20);
        labels.start_line(&[]);
        match &self.parser {
            Parser::Json => JsonParser::default().run(line, &mut labels, hints),
            Parser::JsonPicks(picker) => picker.again().run(line, &mut labels, hints),
            Parser::Logfmt(parser) => parser.again().run(line, &mut labels, hints),
            Parser::LogfmtPicks(picker) => picker.again().run(line, &mut labels, hints),
        };
        (!labels.has_error() && !labels.is_too_long()).then_some(labels)
    }

    /// The members of the line, one after the other; none where a slot lies outside of their values.
    fn members(&self, marked: &Marked) -> Option<Vec<Member>> {
        let (members, values) = match &self.parser {
            Parser::Json | Parser::JsonPicks(_) => json_members(marked)?,
            Parser::Logfmt(_) | Parser::LogfmtPicks(_) => logfmt_members(marked)?,
        };
        let inside =
            |&(from, to): &(usize, usize)| values.iter().any(|&(start, end)| start <= from && to <= end);
        marked.marks.iter().all(inside).then_some(members)
    }

    /// Whether a member may give a label that is needed.
    fn needs(&self, member: &Member, hints: &Hints) -> bool {
        match &self.parser {
            Parser::JsonPicks(picker) => picker.starts_with(&member.key),
            Parser::LogfmtPicks(picker) => picker.names(&member.name),
            Parser::Json | Parser::Logfmt(_) => {
                member.is_object && hints.wants_prefix(&member.name)
                    || hints.wants(&member.name)
                    || hints.wants(&format!("{}{DUPLICATE_SUFFIX}", member.name))
            }
        }
    }

    /// The template with the members that are needed alone, where that gives the same labels.
    fn shorten(&self, marked: &Marked, members: &[Member], hints: &Hints) -> Option<ShortTemplate> {
        let (open, between, close): (&[u8], &[u8], &[u8]) = match &self.parser {
            Parser::Json | Parser::JsonPicks(_) => (b"{", b",", b"}"),
            Parser::Logfmt(_) | Parser::LogfmtPicks(_) => (b"", b" ", b""),
        };
        let needed: Vec<&[u8]> = members
            .iter()
            .filter(|member| self.needs(member, hints))
            .filter_map(|member| marked.line.get(member.start..member.end))
            .collect();
        let short = [open, &needed.join(between), close].concat();
        if short.len() >= marked.line.len() {
            return None;
        }
        let before = self.labels_of(&marked.line, hints)?;
        let after = self.labels_of(&short, hints)?;
        let list = |labels: &LineLabels| {
            let mut all = Vec::new();
            labels.for_each(|_, name, value| all.push((name.to_owned(), value.to_owned())));
            all
        };
        (list(&before) == list(&after)).then(|| unmark(&short, marked.marks.len()))
    }
}

/// The members of the object that fills the line, and the places of their values.
type Members = (Vec<Member>, Vec<(usize, usize)>);

fn json_members(marked: &Marked) -> Option<Members> {
    let (mut members, mut values) = (Vec::new(), Vec::new());
    let mut at = marked.line.iter().position(|&byte| byte == b'{')? + 1;
    let mut broken = !marked.line.get(..at - 1)?.trim_ascii().is_empty();
    let end = json::walk(&marked.line, &mut |event| {
        let Event::Member(key, value) = event else { return Walk::On };
        let (from, to) = marked.range_of(value.raw);
        let end = to + usize::from(value.kind == JsonType::Text);
        let start = marked.line.get(at..from).and_then(|text| text.iter().position(|&byte| byte == b'"'));
        let Some(start) = start.map(|start| at + start) else {
            broken = true;
            return Walk::Stop;
        };
        broken |= marked.any_mark_in(start, from);
        let mut name = String::new();
        push_name(&mut name, key);
        let is_object = value.kind == JsonType::Object;
        members.push(Member { name, key: key.to_vec(), is_object, start, end });
        values.push((from, to));
        at = end;
        Walk::On
    });
    let rest = marked.line.get(at..)?.trim_ascii();
    (end.is_ok() && !broken && rest == b"}").then_some((members, values))
}

fn logfmt_members(marked: &Marked) -> Option<Members> {
    let (mut members, mut values) = (Vec::new(), Vec::new());
    for pair in Pairs::new(&marked.line) {
        let pair = pair.ok()?;
        let (start, key_end) = marked.range_of(pair.key);
        let std::borrow::Cow::Borrowed(value) = pair.value else { return None };
        let mut end = key_end;
        if !value.is_empty() {
            let (from, to) = marked.range_of(value);
            end = to + usize::from(marked.line.get(to) == Some(&b'"'));
            values.push((from, to));
        } else if marked.line.get(key_end..)?.starts_with(b"=\"\"") {
            end += 3;
        } else if marked.line.get(key_end) == Some(&b'=') {
            end += 1;
        }
        if marked.any_mark_in(start, key_end) {
            return None;
        }
        let mut name = String::new();
        push_name(&mut name, pair.key);
        members.push(Member { name, key: pair.key.to_vec(), is_object: false, start, end });
    }
    Some((members, values))
}

/// Turns marks into slots again.
fn unmark(line: &[u8], slots: usize) -> ShortTemplate {
    let mut short = ShortTemplate::default();
    let mut rest = line;
    let mut last = None;
    let mut take = |last: Option<usize>, text: &[u8]| match last {
        None => short.first = text.to_vec(),
        Some(slot) => short.slots.push((slot, text.to_vec())),
    };
    for slot in 0..slots {
        let mark = mark(slot);
        if let Some(at) = memchr::memmem::find(rest, &mark) {
            take(last, &rest[..at]);
            last = Some(slot);
            rest = &rest[at + mark.len()..];
        }
    }
    take(last, rest);
    short
}

#[cfg(test)]
mod tests;
