//! Rewrites a parsed template: access to a field becomes a call, so that labels and times behave as in the reference.

use std::collections::BTreeSet;
use std::sync::Arc;

use gotmpl::parse::{CommandNode, Expr, ListNode, Node, PipeNode, Pos, SmolStr};

/// The function that `.a`, `$x.a` and `(…).a` become. Its first argument is the name, its second what has the field.
pub(super) const FIELD: &str = "__field__";

/// The function that every action ends with: it writes numbers as Go does.
pub(super) const SHOW: &str = "__show__";

/// The longest chain of fields.
const FIELDS_MAX: usize = 32;

/// Walks a template and changes it in place.
pub(super) struct Rewriter<'a> {
    /// Functions that may be called.
    pub(super) known: &'a BTreeSet<String>,
    /// The first thing that is wrong.
    pub(super) problem: Option<String>,
    /// Set where the template looks at the line.
    pub(super) needs_line: &'a mut bool,
}

impl Rewriter<'_> {
    pub(super) fn list(&mut self, list: &mut ListNode) {
        for node in &mut list.nodes {
            self.node(node);
        }
    }

    fn node(&mut self, node: &mut Node) {
        match node {
            Node::List(list) => self.list(list),
            Node::Action(action) => {
                self.pipe(&mut action.pipe);
                if action.pipe.decl.is_empty() {
                    let pos = action.pos;
                    let show = Expr::Identifier(pos, SmolStr::new(SHOW));
                    action.pipe.commands.push(CommandNode { pos, args: vec![show] });
                }
            }
            Node::If(branch) | Node::Range(branch) | Node::With(branch) => {
                self.pipe(&mut branch.pipe);
                self.list(&mut branch.body);
                if let Some(list) = &mut branch.else_body {
                    self.list(list);
                }
            }
            Node::Template(template) => {
                if let Some(pipe) = &mut template.pipe {
                    self.pipe(pipe);
                }
            }
            Node::Define(define) => self.list(&mut define.body),
            Node::Text(_) | Node::Break(_) | Node::Continue(_) => {}
        }
    }

    fn pipe(&mut self, pipe: &mut PipeNode) {
        for (position, command) in pipe.commands.iter_mut().enumerate() {
            self.command(command, position > 0);
        }
    }

    /// `piped` is whether the command gets the value of the one before it.
    fn command(&mut self, command: &mut CommandNode, piped: bool) {
        for arg in &mut command.args {
            self.expr(arg);
        }
        // `x.Format "15:04"` is a method with arguments: they become arguments of the call.
        if (command.args.len() > 1 || piped)
            && let Some(Expr::Pipe(_, pipe)) = command.args.first()
            && let [call] = pipe.commands.as_slice()
            && matches!(call.args.first(), Some(Expr::Identifier(_, name)) if name.as_str() == FIELD)
        {
            let mut args = call.args.clone();
            args.extend(command.args.drain(1..));
            command.args = args;
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        // Each field becomes a call around the ones before, so a chain of them is as deep as it is long.
        if let Expr::Field(_, names) | Expr::Variable(_, _, names) | Expr::Chain(_, _, names) = expr
            && names.len() > FIELDS_MAX
        {
            self.problem = Some(format!("a chain of {} fields, {FIELDS_MAX} are allowed", names.len()));
            return;
        }
        match expr {
            Expr::Pipe(_, pipe) => self.pipe(pipe),
            Expr::Identifier(_, name) => {
                if !self.known.contains(name.as_str()) && self.problem.is_none() {
                    self.problem = Some(format!("function {name:?} not defined"));
                }
                *self.needs_line |= name.as_str() == "__line__";
            }
            Expr::Field(pos, names) => {
                let pos = *pos;
                *expr = calls(pos, Expr::Dot(pos), names);
            }
            Expr::Variable(pos, name, names) if !names.is_empty() => {
                let pos = *pos;
                *expr = calls(pos, Expr::Variable(pos, name.clone(), Vec::new()), names);
            }
            Expr::Chain(pos, inner, names) => {
                self.expr(inner);
                let pos = *pos;
                let inner = match &**inner {
                    // A function on its own is called, and the field is that of its result.
                    Expr::Identifier(..) => wrap(pos, vec![(**inner).clone()]),
                    other => other.clone(),
                };
                *expr = calls(pos, inner, names);
            }
            _ => {}
        }
    }
}

/// One call for each name.
fn calls(pos: Pos, receiver: Expr, names: &[SmolStr]) -> Expr {
    names.iter().fold(receiver, |receiver, name| {
        let function = Expr::Identifier(pos, SmolStr::new(FIELD));
        wrap(pos, vec![function, Expr::String(pos, Arc::from(name.as_str())), receiver])
    })
}

fn wrap(pos: Pos, args: Vec<Expr>) -> Expr {
    let command = CommandNode { pos, args };
    Expr::Pipe(pos, PipeNode { pos, decl: Vec::new(), commands: vec![command], is_assign: false })
}

/// Every field that a template names, as far as the reference looks for them.
pub(super) fn fields(nodes: &[Node], names: &mut Vec<String>) {
    for node in nodes {
        match node {
            Node::List(list) => fields(&list.nodes, names),
            Node::Action(action) => fields_of_pipe(&action.pipe, names),
            Node::If(branch) | Node::Range(branch) | Node::With(branch) => {
                fields_of_pipe(&branch.pipe, names);
                fields(&branch.body.nodes, names);
                if let Some(list) = &branch.else_body {
                    fields(&list.nodes, names);
                }
            }
            _ => {}
        }
    }
}

fn fields_of_pipe(pipe: &PipeNode, names: &mut Vec<String>) {
    for arg in pipe.commands.iter().flat_map(|command| &command.args) {
        match arg {
            Expr::Field(_, fields) => names.extend(fields.iter().map(ToString::to_string)),
            Expr::Pipe(_, pipe) => fields_of_pipe(pipe, names),
            _ => {}
        }
    }
}
