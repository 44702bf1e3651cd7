//! The templates of `line_format` and `label_format`: Go's `text/template` with the functions of LogQL.
//!
//! The crate `gotmpl` parses and runs them. Three things it cannot know are added by rewriting the parsed tree: a
//! missing label is the empty text, times have methods (`__timestamp__.Unix`), and `index` knows both. What a template
//! may write and how long its loops may run is bounded.

mod decimal;
mod functions;
mod rewrite;
pub(crate) mod text;
mod time;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use gotmpl::parse::{Expr, Node, Parser};
use gotmpl::{Template as GoTemplate, Value};

use crate::logql::error::{QueryError, Result};
use crate::logql::limits::Limits;
use crate::logql::pipeline::labels::LineLabels;

/// The error of a template that could not be run.
pub(crate) const TEMPLATE_ERROR: &str = "TemplateFormatErr";

/// The name of the template itself, beside those that it defines.
const MAIN: &str = "main";

/// What functions know about the line that the template runs for.
#[derive(Debug, Default)]
struct Current {
    line: Option<Arc<str>>,
    raw_line: Vec<u8>,
    ts_ns: i64,
    /// The labels, to tell them from the maps that `fromJson` makes.
    labels: Option<Arc<BTreeMap<Arc<str>, Value>>>,
}

/// Shared between a template and its functions. One pipeline runs on one thread, so the lock is never waited for.
type Shared = Arc<Mutex<Current>>;

/// A compiled template.
pub(crate) struct Template {
    shared: Shared,
    compiled: GoTemplate,
    /// Set where the template is nothing but one label.
    single_label: Option<String>,
    needs_line: bool,
    fields: Vec<String>,
    bytes_max: usize,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("fields", &self.fields).finish_non_exhaustive()
    }
}

impl Template {
    /// Compiles a template.
    pub(crate) fn compile(source: &str, limits: &Limits) -> Result<Self> {
        let invalid =
            |error: gotmpl::TemplateError| QueryError::invalid(format!("invalid template: {error}"));
        let shared: Shared = Shared::default();
        let functions = functions::all(&shared, limits.template_bytes_max);
        // The crate checks the whole, and its parser gives the trees.
        let without_pipes;
        let source = match GoTemplate::new(MAIN).parse(source) {
            Ok(_) => source,
            Err(error) => {
                without_pipes = without_trailing_pipes(source);
                GoTemplate::new(MAIN).parse(&without_pipes).map_err(|_| invalid(error))?;
                without_pipes.as_str()
            }
        };
        let (main, defines) = Parser::new(source, "{{", "}}").and_then(Parser::parse).map_err(invalid)?;
        let empty = GoTemplate::new(MAIN).max_range_iters(limits.template_rounds_max).funcs(functions);
        let mut compiled = empty.parse("").map_err(invalid)?;
        let mut known: BTreeSet<String> = functions::names();
        known.extend(BUILTINS.iter().map(|name| (*name).to_owned()));
        let single_label = only_label(&main.nodes);
        let mut fields = Vec::new();
        rewrite::fields(&main.nodes, &mut fields);
        let mut needs_line = false;
        let trees = defines.into_iter().map(|define| (define.name.to_string(), define.body));
        for (name, mut tree) in trees.chain([(MAIN.to_owned(), main)]) {
            let mut rewriter =
                rewrite::Rewriter { known: &known, problem: None, needs_line: &mut needs_line };
            rewriter.list(&mut tree);
            if let Some(problem) = rewriter.problem {
                return Err(QueryError::invalid(format!("invalid template: {problem}")));
            }
            compiled = compiled.add_parse_tree(&name, tree);
        }
        let bytes_max = limits.template_bytes_max;
        Ok(Template { shared, compiled, single_label, needs_line, fields, bytes_max })
    }

    /// The labels that the template names.
    pub(crate) fn fields(&self) -> &[String] {
        &self.fields
    }

    /// The one label that the template is, where it is nothing else.
    pub(crate) fn single_label(&self) -> Option<&str> {
        self.single_label.as_deref()
    }

    /// Runs the template over the labels of a line; gives what it writes, or why it failed. Bytes that are no UTF-8 come
    /// out as [`text::to_bytes`] reads them.
    pub(crate) fn run(
        &self,
        labels: &Arc<BTreeMap<Arc<str>, Value>>,
        line: &[u8],
        ts_ns: i64,
        out: &mut String,
    ) -> std::result::Result<(), String> {
        out.clear();
        {
            let mut current = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            current.line = None;
            current.raw_line.clear();
            if self.needs_line {
                current.raw_line.extend_from_slice(line);
            }
            current.ts_ns = ts_ns;
            current.labels = Some(Arc::clone(labels));
        }
        let mut writer = Bounded { out, bytes_max: self.bytes_max };
        self.compiled
            .execute_template_fmt(&mut writer, MAIN, &Value::Map(Arc::clone(labels)))
            .map_err(|error| error.to_string())?;
        if out.contains(value::TIME_MARK) {
            *out = value::show_times(out);
        }
        Ok(())
    }
}

/// The functions that `text/template` has by itself.
const BUILTINS: [&str; 19] = [
    "and", "or", "not", "len", "index", "slice", "print", "printf", "println", "html", "js", "urlquery",
    "call", "eq", "ne", "lt", "le", "gt", "ge",
];

/// Go takes `{{ .a | }}` for `{{ .a }}`.
fn without_trailing_pipes(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("}}") {
        let (action, after) = rest.split_at(at);
        out.push_str(action.trim_end().strip_suffix('|').unwrap_or(action));
        out.push_str("}}");
        rest = &after[2..];
    }
    out + rest
}

/// The label, where the nodes are one action that is one label.
fn only_label(nodes: &[Node]) -> Option<String> {
    let [Node::Action(action)] = nodes else { return None };
    let [command] = action.pipe.commands.as_slice() else { return None };
    match command.args.as_slice() {
        [Expr::Field(_, names)] if names.len() == 1 => names.first().map(ToString::to_string),
        _ => None,
    }
}

/// The labels of a line as a template sees them.
pub(crate) fn label_map(labels: &LineLabels) -> Arc<BTreeMap<Arc<str>, Value>> {
    let mut map: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    labels.for_each(|_, name, value| {
        map.insert(name.into(), Value::String(value.into()));
    });
    Arc::new(map)
}

impl Current {
    /// The line as a text.
    fn line(&mut self) -> Arc<str> {
        if self.line.is_none() {
            self.line = Some(text::of_bytes(&self.raw_line).into());
        }
        self.line.clone().unwrap_or_default()
    }
}

/// Refuses to write more than it may.
struct Bounded<'o> {
    out: &'o mut String,
    bytes_max: usize,
}

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.out.len() + text.len() > self.bytes_max {
            return Err(fmt::Error);
        }
        self.out.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
