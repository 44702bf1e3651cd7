//! Regular expressions that are nothing but literal text, `.*` around it and `|` in between.
//!
//! Such an expression needs no automaton: its literals are searched. The rules are the reference's, which is why a
//! label filter `=~"foo.*"` looks for `foo` anywhere in the value: recorded answers depend on it.

use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{Ast, Flag, GroupKind, LiteralKind, RepetitionKind};

/// What is left of an expression without its automaton.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    /// Every text.
    Always,
    /// Every text but the empty one.
    NotEmpty,
    /// Texts that contain the literal.
    Contains(Literal),
    /// The literal itself.
    Equals(Literal),
    /// Texts that one of these accepts.
    Any(Vec<Plain>),
}

/// A text to look for; in lower case where letter case does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    pub(crate) text: String,
    pub(crate) ignore_case: bool,
}

impl Literal {
    fn new(text: String, ignore_case: bool) -> Self {
        Literal { text: if ignore_case { text.to_lowercase() } else { text }, ignore_case }
    }
}

/// Whether the reference runs a label expression without an automaton.
pub(crate) fn is_plain(pattern: &str) -> bool {
    simplify(pattern, true).is_some()
}

/// Takes an expression apart; `None` where it needs an automaton. `label` is whether it is about a label value.
pub(crate) fn simplify(pattern: &str, label: bool) -> Option<Plain> {
    let ast = Parser::new().parse(pattern).ok()?;
    let mut flags = Flags::default();
    plain(&node(&ast, &mut flags, 0)?, label)
}

/// The shape of an expression, as far as it matters here.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Empty,
    Literal(String, bool),
    /// `.*`
    AnyText,
    /// `.+`
    SomeText,
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
    Other,
}

#[derive(Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    dot_all: bool,
}

/// The deepest nesting that is looked at.
const DEPTH_MAX: usize = 50;

fn node(ast: &Ast, flags: &mut Flags, depth: usize) -> Option<Node> {
    if depth > DEPTH_MAX {
        return None;
    }
    Some(match ast {
        Ast::Empty(_) => Node::Empty,
        Ast::Flags(set) => {
            set_flags(&set.flags, flags)?;
            Node::Empty
        }
        Ast::Literal(literal) if !matches!(literal.kind, LiteralKind::HexFixed(_)) => {
            Node::Literal(literal.c.to_string(), flags.ignore_case)
        }
        Ast::Repetition(repetition) => match (&*repetition.ast, &repetition.op.kind) {
            (Ast::Dot(_), RepetitionKind::ZeroOrMore) if !flags.dot_all => Node::AnyText,
            (Ast::Dot(_), RepetitionKind::OneOrMore) if !flags.dot_all => Node::SomeText,
            _ => Node::Other,
        },
        Ast::Group(group) => {
            let mut inner = *flags;
            if let GroupKind::NonCapturing(set) = &group.kind {
                set_flags(set, &mut inner)?;
            }
            node(&group.ast, &mut inner, depth + 1)?
        }
        Ast::Concat(concat) => {
            let mut parts = Vec::new();
            for part in &concat.asts {
                join(&mut parts, node(part, flags, depth + 1)?, matches!(part, Ast::Literal(_)));
            }
            if parts.len() == 1 { parts.swap_remove(0) } else { Node::Concat(parts) }
        }
        Ast::Alternation(alternation) => {
            let parts: Option<Vec<Node>> =
                alternation.asts.iter().map(|part| node(part, flags, depth + 1)).collect();
            alternate(&parts?, depth)
        }
        _ => Node::Other,
    })
}

fn set_flags(set: &regex_syntax::ast::Flags, flags: &mut Flags) -> Option<()> {
    if let Some(on) = set.flag_state(Flag::CaseInsensitive) {
        flags.ignore_case = on;
    }
    if let Some(on) = set.flag_state(Flag::DotMatchesNewLine) {
        flags.dot_all = on;
    }
    // Multi-line and swapped greed change nothing about literals.
    Some(())
}

/// Adds a part to a concatenation; neighbouring characters become one literal.
fn join(parts: &mut Vec<Node>, part: Node, is_character: bool) {
    match (parts.last_mut(), part) {
        (_, Node::Empty) => {}
        (Some(Node::Literal(text, fold)), Node::Literal(more, same)) if *fold == same && is_character => {
            text.push_str(&more);
        }
        (_, part) => parts.push(part),
    }
}

/// An alternation as Go's parser leaves it: common leading text taken out, single characters made a class.
fn alternate(parts: &[Node], depth: usize) -> Node {
    let mut factored: Vec<Node> = Vec::new();
    let mut rest = parts;
    while let Some(first) = rest.first() {
        let (run, prefix) = common_prefix(rest);
        if run < 2 || depth > DEPTH_MAX {
            factored.push(first.clone());
            rest = &rest[1..];
            continue;
        }
        let fold = leading(first).is_some_and(|(_, fold)| fold);
        let tails: Vec<Node> = rest[..run].iter().map(|part| without_prefix(part, &prefix)).collect();
        factored.push(Node::Concat(vec![Node::Literal(prefix, fold), alternate(&tails, depth + 1)]));
        rest = &rest[run..];
    }
    let is_single = |node: &Node| matches!(node, Node::Literal(text, _) if text.chars().count() == 1);
    if factored.windows(2).any(|pair| pair.iter().all(is_single)) {
        return Node::Other;
    }
    factored.dedup_by(|a, b| *a == Node::Empty && *b == Node::Empty);
    if factored.len() == 1 { factored.swap_remove(0) } else { Node::Alternate(factored) }
}

/// The literal that a node starts with.
fn leading(node: &Node) -> Option<(&str, bool)> {
    match node {
        Node::Literal(text, fold) => Some((text, *fold)),
        Node::Concat(parts) => match parts.first() {
            Some(Node::Literal(text, fold)) => Some((text, *fold)),
            _ => None,
        },
        _ => None,
    }
}

/// How many nodes at the front share a leading text, and that text.
fn common_prefix(nodes: &[Node]) -> (usize, String) {
    let Some((mut prefix, fold)) = nodes.first().and_then(leading) else { return (1, String::new()) };
    let mut run = 1;
    for node in &nodes[1..] {
        let Some((text, same)) = leading(node).filter(|(_, other)| *other == fold) else { break };
        let shared: usize = prefix
            .chars()
            .zip(text.chars())
            .take_while(|(a, b)| a == b || same && a.to_lowercase().eq(b.to_lowercase()))
            .map(|(c, _)| c.len_utf8())
            .sum();
        if shared == 0 {
            break;
        }
        prefix = &prefix[..shared];
        run += 1;
    }
    (run, prefix.to_owned())
}

fn without_prefix(node: &Node, prefix: &str) -> Node {
    let cut = |text: &str, fold: bool| {
        let rest: String = text.chars().skip(prefix.chars().count()).collect();
        if rest.is_empty() { Node::Empty } else { Node::Literal(rest, fold) }
    };
    match node {
        Node::Literal(text, fold) => cut(text, *fold),
        Node::Concat(parts) => {
            let mut rest: Vec<Node> = parts.clone();
            if let Some(Node::Literal(text, fold)) = parts.first() {
                rest[0] = cut(text, *fold);
            }
            rest.retain(|part| *part != Node::Empty);
            if rest.len() == 1 { rest.swap_remove(0) } else { Node::Concat(rest) }
        }
        other => other.clone(),
    }
}

fn plain(node: &Node, label: bool) -> Option<Plain> {
    match node {
        Node::Empty | Node::AnyText => Some(Plain::Always),
        Node::SomeText => Some(Plain::NotEmpty),
        Node::Literal(text, fold) => {
            let literal = Literal::new(text.clone(), *fold);
            Some(if label { Plain::Equals(literal) } else { contains(literal) })
        }
        Node::Alternate(parts) => {
            let mut any = None;
            for part in parts {
                any = Some(either(any, plain(part, label)?));
            }
            any
        }
        Node::Concat(parts) => concat(parts, None),
        Node::Other => None,
    }
}

fn contains(literal: Literal) -> Plain {
    if literal.text.is_empty() { Plain::Always } else { Plain::Contains(literal) }
}

/// One or the other. As in the reference, a side that accepts everything is left out.
fn either(left: Option<Plain>, right: Plain) -> Plain {
    match (left, right) {
        (None | Some(Plain::Always), right) => right,
        (Some(left), Plain::Always) => left,
        (Some(Plain::Any(mut all)), right) => {
            all.push(right);
            Plain::Any(all)
        }
        (Some(left), right) => Plain::Any(vec![left, right]),
    }
}

/// At most three parts with one literal, `.*`, and alternatives that go on where the literal ends.
fn concat(parts: &[Node], base: Option<&(String, bool)>) -> Option<Plain> {
    if parts.len() > 3 {
        return None;
    }
    let mut base: Option<(String, bool)> = base.cloned();
    let mut literals = 0;
    let mut any: Option<Plain> = None;
    for part in parts {
        match part {
            Node::Literal(text, fold) => {
                if literals != 0 {
                    return None;
                }
                literals = 1;
                let (head, _) = base.unwrap_or_default();
                base = Some((head + text, *fold));
            }
            Node::Alternate(tails) => any = Some(alternatives(tails, base.as_ref()?, any)?),
            Node::AnyText => {}
            _ => return None,
        }
    }
    any.or_else(|| base.map(|(text, fold)| contains(Literal::new(text, fold))))
}

/// The literal with each of its continuations.
fn alternatives(tails: &[Node], base: &(String, bool), mut any: Option<Plain>) -> Option<Plain> {
    let (head, head_fold) = base;
    for tail in tails {
        let next = match tail {
            Node::Empty | Node::AnyText => contains(Literal::new(head.clone(), *head_fold)),
            Node::Literal(_, true) if !head_fold => return None,
            Node::Literal(text, _) => contains(Literal::new(format!("{head}{text}"), *head_fold)),
            Node::Concat(parts) => concat(parts, Some(base))?,
            _ => return None,
        };
        any = Some(either(any, next));
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str) -> String {
        fn text(plain: &Plain) -> String {
            match plain {
                Plain::Always => "always".to_owned(),
                Plain::NotEmpty => "some".to_owned(),
                Plain::Contains(l) | Plain::Equals(l) => {
                    format!("{}{}", l.text, if l.ignore_case { "/i" } else { "" })
                }
                Plain::Any(all) => all.iter().map(text).collect::<Vec<_>>().join(" "),
            }
        }
        simplify(pattern, false).map_or("none".to_owned(), |plain| text(&plain))
    }

    #[test]
    fn literals_are_found() {
        for (pattern, expected) in [
            ("foo", "foo"),
            ("(foo|ba)", "foo ba"),
            (".*foo.*", "foo"),
            ("foo|foobar", "foo foobar"),
            ("(?i)Foo", "foo/i"),
            (".+", "some"),
            (".*", "always"),
            ("a|b", "none"),
            ("foo.*bar", "none"),
            ("fo+", "none"),
            ("^foo", "none"),
        ] {
            assert_eq!(found(pattern), expected, "{pattern}");
        }
    }
}
