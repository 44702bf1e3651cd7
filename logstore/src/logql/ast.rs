//! What a LogQL query says, as a tree.
//!
//! The tree keeps what the text means and drops how it was written: parentheses, letter case of keywords and white
//! space are gone, two literals joined by an operator are already their value, and negative line filters with `or`
//! are separate filters, because that is what they mean. `Display` writes the tree back as text.

use bedrock::labels::Matcher;
use bedrock::vector::Operator;

/// A whole query.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A query that gives log lines.
    Log(LogExpr),
    /// A query that gives numbers over time.
    Metric(MetricExpr),
}

/// A stream selector and the pipeline behind it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogExpr {
    /// The matchers between the braces, in the order of the text.
    pub matchers: Vec<Matcher>,
    /// The stages, in the order of the text.
    pub stages: Vec<Stage>,
}

/// One stage of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// A run of line filters; a line has to pass all of them.
    LineFilters(Vec<LineFilter>),
    /// A condition on labels.
    LabelFilter(LabelFilter),
    /// `| json`, with the extractions when it names some.
    Json(Vec<Extraction>),
    /// `| logfmt`, with its flags, and the extractions when it names some.
    Logfmt {
        /// `--strict`: the first broken pair is an error.
        strict: bool,
        /// `--keep-empty`: a key without value gives an empty label.
        keep_empty: bool,
        /// The labels asked for; none means every pair of the line.
        extractions: Vec<Extraction>,
    },
    /// `| regexp "…"`
    Regexp(String),
    /// `| pattern "…"`
    Pattern(String),
    /// `| unpack`
    Unpack,
    /// `| line_format "…"`
    LineFormat(String),
    /// `| label_format a=b, c="…"`
    LabelFormat(Vec<LabelFormat>),
    /// `| decolorize`
    Decolorize,
    /// `| drop …`
    Drop(Vec<LabelSelector>),
    /// `| keep …`
    Keep(Vec<LabelSelector>),
}

/// The operator of a line filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineOp {
    /// `|=`: the line contains the text.
    Contains,
    /// `!=`
    NotContains,
    /// `|~`: the regular expression matches somewhere in the line.
    Regex,
    /// `!~`
    NotRegex,
    /// `|>`: the pattern describes the line.
    Pattern,
    /// `!>`
    NotPattern,
}

impl LineOp {
    /// The operator as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            LineOp::Contains => "|=",
            LineOp::NotContains => "!=",
            LineOp::Regex => "|~",
            LineOp::NotRegex => "!~",
            LineOp::Pattern => "|>",
            LineOp::NotPattern => "!>",
        }
    }

    /// Whether the operator keeps the lines that do not match.
    pub fn is_negative(self) -> bool {
        matches!(self, LineOp::NotContains | LineOp::NotRegex | LineOp::NotPattern)
    }
}

/// One line filter: an operator and the operands of which one has to hold.
///
/// A negative operator has exactly one operand: `!= "a" or "b"` is two filters.
#[derive(Clone, Debug, PartialEq)]
pub struct LineFilter {
    /// How the operands are compared with the line.
    pub op: LineOp,
    /// The alternatives; at least one.
    pub operands: Vec<LineOperand>,
}

/// What a line filter looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineOperand {
    /// A text, a regular expression or a pattern, as the operator says.
    Text(String),
    /// `ip("…")`: an address, a range or a prefix.
    Ip(String),
}

impl LineOperand {
    /// The text between the quotes.
    pub fn text(&self) -> &str {
        match self {
            LineOperand::Text(text) | LineOperand::Ip(text) => text,
        }
    }
}

/// A comparison with a number, a duration or a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// `==`, also written `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
}

impl CompareOp {
    /// The operator as the printer writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            CompareOp::Equal => "==",
            CompareOp::NotEqual => "!=",
            CompareOp::Greater => ">",
            CompareOp::GreaterEqual => ">=",
            CompareOp::Less => "<",
            CompareOp::LessEqual => "<=",
        }
    }

    /// Whether `left op right` holds. Unordered values (NaN) differ from everything.
    pub fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            CompareOp::Equal => left == right,
            CompareOp::NotEqual => left != right,
            CompareOp::Greater => left > right,
            CompareOp::GreaterEqual => left >= right,
            CompareOp::Less => left < right,
            CompareOp::LessEqual => left <= right,
        }
    }
}

/// A condition on labels.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelFilter {
    /// `name op "text"`
    Text(Matcher),
    /// `name op 5.2`
    Number {
        /// The label.
        name: String,
        /// The comparison.
        op: CompareOp,
        /// The number to compare with.
        value: f64,
    },
    /// `name op 5s`
    Duration {
        /// The label.
        name: String,
        /// The comparison.
        op: CompareOp,
        /// The duration to compare with, in nanoseconds.
        value_ns: i64,
    },
    /// `name op 5KB`
    Bytes {
        /// The label.
        name: String,
        /// The comparison.
        op: CompareOp,
        /// The size to compare with.
        value_bytes: u64,
    },
    /// `name = ip("…")`, `name != ip("…")`
    Ip {
        /// The label.
        name: String,
        /// Whether the operator was `!=`.
        negative: bool,
        /// Address, range or prefix.
        pattern: String,
    },
    /// Both have to hold; the right one is not asked for its verdict alone, it may also set an error.
    And(Box<LabelFilter>, Box<LabelFilter>),
    /// One has to hold; the right one is looked at only where the left one does not.
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

/// One `name="path"` of `| json` or `| logfmt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// The label that is set.
    pub label: String,
    /// Where its value is found.
    pub path: String,
}

/// One assignment of `| label_format`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFormat {
    /// The label that is set.
    pub target: String,
    /// What it is set to.
    pub source: LabelSource,
}

/// Where `| label_format` takes a value from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelSource {
    /// Another label, which loses its name.
    Rename(String),
    /// A template.
    Template(String),
}

/// One entry of `| drop` and `| keep`.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelSelector {
    /// The label of that name.
    Name(String),
    /// The label of that name where its value matches.
    Matching(Matcher),
}

/// A query that gives numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricExpr {
    /// A number.
    Literal(f64),
    /// `vector(5)`
    Vector(f64),
    /// `rate(…[5m])` and its kin.
    Range(Box<RangeAggregation>),
    /// `sum by (…) (…)` and its kin.
    Aggregation(Box<VectorAggregation>),
    /// `a + b` and its kin.
    Binary(Box<BinaryExpr>),
    /// `label_replace(…)`
    LabelReplace(Box<LabelReplace>),
}

/// The function of a range aggregation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the language's")]
pub enum RangeOp {
    CountOverTime,
    Rate,
    RateCounter,
    BytesOverTime,
    BytesRate,
    AvgOverTime,
    SumOverTime,
    MinOverTime,
    MaxOverTime,
    StdvarOverTime,
    StddevOverTime,
    QuantileOverTime,
    FirstOverTime,
    LastOverTime,
    AbsentOverTime,
}

impl RangeOp {
    /// Every range aggregation.
    pub const ALL: [RangeOp; 15] = [
        RangeOp::CountOverTime,
        RangeOp::Rate,
        RangeOp::RateCounter,
        RangeOp::BytesOverTime,
        RangeOp::BytesRate,
        RangeOp::AvgOverTime,
        RangeOp::SumOverTime,
        RangeOp::MinOverTime,
        RangeOp::MaxOverTime,
        RangeOp::StdvarOverTime,
        RangeOp::StddevOverTime,
        RangeOp::QuantileOverTime,
        RangeOp::FirstOverTime,
        RangeOp::LastOverTime,
        RangeOp::AbsentOverTime,
    ];

    /// The name of the function.
    pub fn as_str(self) -> &'static str {
        match self {
            RangeOp::CountOverTime => "count_over_time",
            RangeOp::Rate => "rate",
            RangeOp::RateCounter => "rate_counter",
            RangeOp::BytesOverTime => "bytes_over_time",
            RangeOp::BytesRate => "bytes_rate",
            RangeOp::AvgOverTime => "avg_over_time",
            RangeOp::SumOverTime => "sum_over_time",
            RangeOp::MinOverTime => "min_over_time",
            RangeOp::MaxOverTime => "max_over_time",
            RangeOp::StdvarOverTime => "stdvar_over_time",
            RangeOp::StddevOverTime => "stddev_over_time",
            RangeOp::QuantileOverTime => "quantile_over_time",
            RangeOp::FirstOverTime => "first_over_time",
            RangeOp::LastOverTime => "last_over_time",
            RangeOp::AbsentOverTime => "absent_over_time",
        }
    }

    /// Whether `by` and `without` may follow.
    pub fn takes_grouping(self) -> bool {
        matches!(
            self,
            RangeOp::AvgOverTime
                | RangeOp::StddevOverTime
                | RangeOp::StdvarOverTime
                | RangeOp::QuantileOverTime
                | RangeOp::MaxOverTime
                | RangeOp::MinOverTime
                | RangeOp::FirstOverTime
                | RangeOp::LastOverTime
        )
    }

    /// Whether the function works on values that `unwrap` gives.
    pub fn takes_unwrap(self) -> bool {
        !matches!(self, RangeOp::CountOverTime | RangeOp::BytesOverTime | RangeOp::BytesRate)
    }

    /// Whether the function works on lines, without `unwrap`.
    pub fn takes_lines(self) -> bool {
        matches!(
            self,
            RangeOp::CountOverTime
                | RangeOp::Rate
                | RangeOp::BytesOverTime
                | RangeOp::BytesRate
                | RangeOp::AbsentOverTime
        )
    }
}

/// `op(parameter, range) by (…)`
#[derive(Clone, Debug, PartialEq)]
pub struct RangeAggregation {
    /// The function.
    pub op: RangeOp,
    /// The first argument of `quantile_over_time`.
    pub parameter: Option<f64>,
    /// The lines that are aggregated.
    pub range: LogRange,
    /// The grouping, where one is written.
    pub grouping: Option<Grouping>,
}

/// `selector pipeline | unwrap x [5m] offset 1h`
#[derive(Clone, Debug, PartialEq)]
pub struct LogRange {
    /// Selector and pipeline.
    pub log: LogExpr,
    /// What turns a line into a number, where one is written.
    pub unwrap: Option<Unwrap>,
    /// Length of the window in nanoseconds.
    pub range_ns: i64,
    /// How far the window lies in the past, in nanoseconds; negative is the future.
    pub offset_ns: i64,
}

/// `| unwrap conversion(label) | filter …`
#[derive(Clone, Debug, PartialEq)]
pub struct Unwrap {
    /// The label that holds the number.
    pub label: String,
    /// How its text is read.
    pub conversion: Option<Conversion>,
    /// The filters behind it.
    pub filters: Vec<LabelFilter>,
}

/// How `unwrap` reads the text of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Conversion {
    /// `bytes(…)`: a size with or without unit, in bytes.
    Bytes,
    /// `duration(…)`: a duration, in seconds.
    Duration,
    /// `duration_seconds(…)`: the same.
    DurationSeconds,
}

impl Conversion {
    /// The name of the conversion.
    pub fn as_str(self) -> &'static str {
        match self {
            Conversion::Bytes => "bytes",
            Conversion::Duration => "duration",
            Conversion::DurationSeconds => "duration_seconds",
        }
    }
}

/// `by (…)` or `without (…)`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// Whether the labels are those that go.
    pub without: bool,
    /// The labels, in the order of the text.
    pub labels: Vec<String>,
}

impl Grouping {
    /// Whether everything falls into one group without labels.
    pub fn is_single(&self) -> bool {
        !self.without && self.labels.is_empty()
    }
}

/// The function of a vector aggregation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the language's")]
pub enum VectorOp {
    Sum,
    Avg,
    Count,
    Max,
    Min,
    Stddev,
    Stdvar,
    Bottomk,
    Topk,
    Sort,
    SortDesc,
    ApproxTopk,
}

impl VectorOp {
    /// Every vector aggregation.
    pub const ALL: [VectorOp; 12] = [
        VectorOp::Sum,
        VectorOp::Avg,
        VectorOp::Count,
        VectorOp::Max,
        VectorOp::Min,
        VectorOp::Stddev,
        VectorOp::Stdvar,
        VectorOp::Bottomk,
        VectorOp::Topk,
        VectorOp::Sort,
        VectorOp::SortDesc,
        VectorOp::ApproxTopk,
    ];

    /// The name of the function.
    pub fn as_str(self) -> &'static str {
        match self {
            VectorOp::Sum => "sum",
            VectorOp::Avg => "avg",
            VectorOp::Count => "count",
            VectorOp::Max => "max",
            VectorOp::Min => "min",
            VectorOp::Stddev => "stddev",
            VectorOp::Stdvar => "stdvar",
            VectorOp::Bottomk => "bottomk",
            VectorOp::Topk => "topk",
            VectorOp::Sort => "sort",
            VectorOp::SortDesc => "sort_desc",
            VectorOp::ApproxTopk => "approx_topk",
        }
    }

    /// Whether the function needs a number before the vector.
    pub fn takes_parameter(self) -> bool {
        matches!(self, VectorOp::Topk | VectorOp::Bottomk | VectorOp::ApproxTopk)
    }
}

/// `op by (…) (parameter, inner)`
#[derive(Clone, Debug, PartialEq)]
pub struct VectorAggregation {
    /// The function.
    pub op: VectorOp,
    /// The number of `topk` and its kin.
    pub parameter: Option<u64>,
    /// The grouping; none written is one group without labels.
    pub grouping: Grouping,
    /// What is aggregated.
    pub inner: MetricExpr,
}

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the language's")]
pub enum BinaryOp {
    Or,
    And,
    Unless,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

impl BinaryOp {
    /// The operator as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            BinaryOp::Or => "or",
            BinaryOp::And => "and",
            BinaryOp::Unless => "unless",
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Mod => "%",
            BinaryOp::Pow => "^",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::Less => "<",
            BinaryOp::LessEqual => "<=",
        }
    }

    /// `and`, `or`, `unless`: operators on the sets of series.
    pub fn is_set(self) -> bool {
        matches!(self, BinaryOp::Or | BinaryOp::And | BinaryOp::Unless)
    }

    /// The comparisons, which filter unless `bool` is written.
    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            BinaryOp::Equal
                | BinaryOp::NotEqual
                | BinaryOp::Greater
                | BinaryOp::GreaterEqual
                | BinaryOp::Less
                | BinaryOp::LessEqual
        )
    }

    /// The value of `left op right`; a comparison gives 1 or 0, division and modulo by zero give NaN.
    ///
    /// Set operators have no value; they give NaN.
    pub fn apply(self, left: f64, right: f64) -> f64 {
        let operator = match self {
            BinaryOp::Or | BinaryOp::And | BinaryOp::Unless => return f64::NAN,
            BinaryOp::Div | BinaryOp::Mod if right == 0.0 => return f64::NAN,
            BinaryOp::Add => Operator::Add,
            BinaryOp::Sub => Operator::Sub,
            BinaryOp::Mul => Operator::Mul,
            BinaryOp::Div => Operator::Div,
            BinaryOp::Mod => Operator::Mod,
            BinaryOp::Pow => Operator::Pow,
            BinaryOp::Equal => Operator::Equal,
            BinaryOp::NotEqual => Operator::NotEqual,
            BinaryOp::Greater => Operator::Greater,
            BinaryOp::GreaterEqual => Operator::GreaterOrEqual,
            BinaryOp::Less => Operator::Less,
            BinaryOp::LessEqual => Operator::LessOrEqual,
        };
        operator.apply(left, right)
    }
}

/// `left op right`, at most one side being a literal.
#[derive(Clone, Debug, PartialEq)]
pub struct BinaryExpr {
    /// The operator.
    pub op: BinaryOp,
    /// Whether `bool` was written: a comparison gives 0 or 1 instead of filtering.
    pub return_bool: bool,
    /// How series of the two sides are paired.
    pub matching: VectorMatching,
    /// The left operand.
    pub left: MetricExpr,
    /// The right operand.
    pub right: MetricExpr,
}

/// Which side of a binary operator may have several series for one of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cardinality {
    /// Each series has at most one partner.
    #[default]
    OneToOne,
    /// `group_left`: several on the left share one on the right.
    ManyToOne,
    /// `group_right`
    OneToMany,
}

/// `on (…) group_left (…)` and its kin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VectorMatching {
    /// Which side is the many.
    pub cardinality: Cardinality,
    /// Whether the labels are those that are compared; otherwise those that are not.
    pub on: bool,
    /// The labels; none where neither `on` nor `ignoring` names any.
    pub labels: Vec<String>,
    /// Labels that the result takes from the one side; none where none are written.
    pub include: Vec<String>,
}

/// `label_replace(inner, "target", "replacement", "source", "regex")`
#[derive(Clone, Debug, PartialEq)]
pub struct LabelReplace {
    /// The vector whose labels change.
    pub inner: MetricExpr,
    /// The label that is set.
    pub target: String,
    /// What it is set to, with `$1` for groups.
    pub replacement: String,
    /// The label that is looked at.
    pub source: String,
    /// The anchored regular expression.
    pub regex: String,
}
