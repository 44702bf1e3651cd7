//! What can be asked of a span: intrinsics and attributes by scope.

use std::fmt;
use std::sync::Arc;

/// Where an attribute is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// On the resource that emitted the span.
    Resource,
    /// On the span itself.
    Span,
    /// On the span's events: any number of values a span.
    Event,
    /// On the span's links: any number of values a span.
    Link,
    /// On the instrumentation library.
    Instrumentation,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 5] =
        [Scope::Resource, Scope::Span, Scope::Event, Scope::Link, Scope::Instrumentation];

    /// The word of the language.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Resource => "resource",
            Scope::Span => "span",
            Scope::Event => "event",
            Scope::Link => "link",
            Scope::Instrumentation => "instrumentation",
        }
    }

    /// Whether a span can have several values in this scope.
    pub fn is_nested(self) -> bool {
        matches!(self, Scope::Event | Scope::Link)
    }
}

/// What every span has without naming an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Intrinsic {
    /// `duration`: a duration.
    Duration,
    /// `name`: text.
    Name,
    /// `status`.
    Status,
    /// `statusMessage`: text.
    StatusMessage,
    /// `kind`.
    Kind,
    /// `span:childCount`: an integer, the spans that name this one as their parent.
    ChildCount,
    /// `span:id`: text, 16 hexadecimal digits.
    SpanId,
    /// `span:parentID`: text, 16 hexadecimal digits, all zero for a root.
    ParentId,
    /// `trace:id`: text, hexadecimal digits without leading zeros.
    TraceId,
    /// `rootServiceName`: text, empty while the root is unknown.
    RootServiceName,
    /// `rootName`: text, empty while the root is unknown.
    RootName,
    /// `traceDuration`: a duration.
    TraceDuration,
    /// `nestedSetLeft`: an integer, 0 where the span does not hang on a root.
    NestedSetLeft,
    /// `nestedSetRight`: an integer, 0 where the span does not hang on a root.
    NestedSetRight,
    /// `nestedSetParent`: an integer, the parent's left number, -1 for a root, 0 where the span hangs on none.
    NestedSetParent,
    /// `event:name`: text, one an event.
    EventName,
    /// `event:timeSinceStart`: a duration, one an event.
    EventTimeSinceStart,
    /// `link:spanID`: text, one a link.
    LinkSpanId,
    /// `link:traceID`: text, one a link.
    LinkTraceId,
    /// `instrumentation:name`: text.
    InstrumentationName,
    /// `instrumentation:version`: text.
    InstrumentationVersion,
    /// The start of the span, an integer of nanoseconds since the epoch. It has no name in the language.
    StartTime,
    /// What one span stands for under probability sampling, a float: the inverse of the probability that the trace
    /// state gives (`ot=th:..`), 1 without. It has no name in the language.
    SampleWeight,
    /// `parent`: it can be parsed, but nothing answers it.
    Parent,
}

impl Intrinsic {
    /// Its name in queries and answers.
    pub fn name(self) -> &'static str {
        match self {
            Intrinsic::Duration => "duration",
            Intrinsic::Name => "name",
            Intrinsic::Status => "status",
            Intrinsic::StatusMessage => "statusMessage",
            Intrinsic::Kind => "kind",
            Intrinsic::ChildCount => "span:childCount",
            Intrinsic::SpanId => "span:id",
            Intrinsic::ParentId => "span:parentID",
            Intrinsic::TraceId => "trace:id",
            Intrinsic::RootServiceName => "rootServiceName",
            Intrinsic::RootName => "rootName",
            Intrinsic::TraceDuration => "traceDuration",
            Intrinsic::NestedSetLeft => "nestedSetLeft",
            Intrinsic::NestedSetRight => "nestedSetRight",
            Intrinsic::NestedSetParent => "nestedSetParent",
            Intrinsic::EventName => "event:name",
            Intrinsic::EventTimeSinceStart => "event:timeSinceStart",
            Intrinsic::LinkSpanId => "link:spanID",
            Intrinsic::LinkTraceId => "link:traceID",
            Intrinsic::InstrumentationName => "instrumentation:name",
            Intrinsic::InstrumentationVersion => "instrumentation:version",
            Intrinsic::StartTime => "spanStartTime",
            Intrinsic::SampleWeight => "span:multiplier",
            Intrinsic::Parent => "parent",
        }
    }

    /// The nested scope it belongs to, where a span can have several values of it.
    pub fn nested_scope(self) -> Option<Scope> {
        match self {
            Intrinsic::EventName | Intrinsic::EventTimeSinceStart => Some(Scope::Event),
            Intrinsic::LinkSpanId | Intrinsic::LinkTraceId => Some(Scope::Link),
            _ => None,
        }
    }
}

/// One thing that a source can answer for every span.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// An intrinsic.
    Intrinsic(Intrinsic),
    /// An attribute of one scope.
    Attribute(Scope, Arc<str>),
}

impl Field {
    /// An attribute of one scope.
    pub fn attribute(scope: Scope, key: impl AsRef<str>) -> Self {
        Field::Attribute(scope, Arc::from(key.as_ref()))
    }

    /// The scope in which a span can have several values of it; `None` where it has at most one.
    pub fn nested_scope(&self) -> Option<Scope> {
        match self {
            Field::Intrinsic(intrinsic) => intrinsic.nested_scope(),
            Field::Attribute(scope, _) => scope.is_nested().then_some(*scope),
        }
    }

    /// The name under which answers show it: the attribute's key without its scope, or the intrinsic's name.
    pub fn key(&self) -> &str {
        match self {
            Field::Intrinsic(intrinsic) => intrinsic.name(),
            Field::Attribute(_, key) => key,
        }
    }
}

impl From<Intrinsic> for Field {
    fn from(intrinsic: Intrinsic) -> Self {
        Field::Intrinsic(intrinsic)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Intrinsic(intrinsic) => f.write_str(intrinsic.name()),
            Field::Attribute(scope, key) => {
                write!(f, "{}.{}", scope.name(), crate::traceql::print::identifier(key))
            }
        }
    }
}
