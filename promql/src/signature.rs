//! The functions of the language: names, types of arguments and result, and which are experimental.

use crate::ast::ValueType;
use crate::ast::ValueType::{Matrix, Scalar, String, Vector};

/// The signature of one function.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Which function it is.
    pub id: FunctionId,
    /// The name in a query.
    pub name: &'static str,
    /// Types of the arguments in order. Where more arguments may come, they have the type of the last one.
    pub args: &'static [ValueType],
    /// How many arguments must be given.
    pub args_min: usize,
    /// How many arguments may be given; `None` is any number.
    pub args_max: Option<usize>,
    /// Type of the result.
    pub returns: ValueType,
    /// Whether Prometheus hides it behind a flag.
    pub experimental: bool,
}

impl Function {
    /// The function of that name. Names are case-sensitive. O(log functions).
    ///
    /// ```
    /// use promql::{Function, FunctionId};
    ///
    /// assert_eq!(Function::by_name("rate").map(|function| function.id), Some(FunctionId::Rate));
    /// assert_eq!(Function::by_name("Rate"), None);
    /// ```
    pub fn by_name(name: &str) -> Option<&'static Function> {
        FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok().and_then(|at| FUNCTIONS.get(at))
    }

    /// The type of argument `index`.
    pub fn arg_type(&self, index: usize) -> Option<ValueType> {
        self.args.get(index).or(self.args.last()).copied()
    }
}

/// All functions by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of the language")]
pub enum FunctionId {
    Abs,
    Absent,
    AbsentOverTime,
    Acos,
    Acosh,
    Asin,
    Asinh,
    Atan,
    Atanh,
    AvgOverTime,
    Ceil,
    Changes,
    Clamp,
    ClampMax,
    ClampMin,
    Cos,
    Cosh,
    CountOverTime,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    DaysInMonth,
    Deg,
    Delta,
    Deriv,
    DoubleExponentialSmoothing,
    End,
    Exp,
    FirstOverTime,
    Floor,
    HistogramAvg,
    HistogramCount,
    HistogramFraction,
    HistogramQuantile,
    HistogramQuantiles,
    HistogramStddev,
    HistogramStdvar,
    HistogramSum,
    Hour,
    Idelta,
    Increase,
    Info,
    Irate,
    LabelJoin,
    LabelReplace,
    LastOverTime,
    Ln,
    Log10,
    Log2,
    MadOverTime,
    MaxOf,
    MaxOverTime,
    MinOf,
    MinOverTime,
    Minute,
    Month,
    Pi,
    PredictLinear,
    PresentOverTime,
    QuantileOverTime,
    Rad,
    Range,
    Rate,
    Resets,
    Round,
    Scalar,
    Sgn,
    Sin,
    Sinh,
    Sort,
    SortByLabel,
    SortByLabelDesc,
    SortDesc,
    Sqrt,
    Start,
    StartTimestamp,
    StddevOverTime,
    StdvarOverTime,
    Step,
    SumOverTime,
    Tan,
    Tanh,
    Time,
    Timestamp,
    TsOfFirstOverTime,
    TsOfLastOverTime,
    TsOfMaxOverTime,
    TsOfMinOverTime,
    Vector,
    Year,
}

/// One row of the table: a function whose arguments all must be given.
const fn exact(
    id: FunctionId,
    name: &'static str,
    args: &'static [ValueType],
    returns: ValueType,
) -> Function {
    Function {
        id,
        name,
        args,
        args_min: args.len(),
        args_max: Some(args.len()),
        returns,
        experimental: false,
    }
}

impl Function {
    /// The row with between `min` and `max` arguments.
    const fn between(mut self, min: usize, max: Option<usize>) -> Function {
        self.args_min = min;
        self.args_max = max;
        self
    }

    /// The row marked as experimental.
    const fn experimental(mut self) -> Function {
        self.experimental = true;
        self
    }
}

/// All functions, sorted by name.
pub static FUNCTIONS: [Function; 90] = [
    exact(FunctionId::Abs, "abs", &[Vector], Vector),
    exact(FunctionId::Absent, "absent", &[Vector], Vector),
    exact(FunctionId::AbsentOverTime, "absent_over_time", &[Matrix], Vector),
    exact(FunctionId::Acos, "acos", &[Vector], Vector),
    exact(FunctionId::Acosh, "acosh", &[Vector], Vector),
    exact(FunctionId::Asin, "asin", &[Vector], Vector),
    exact(FunctionId::Asinh, "asinh", &[Vector], Vector),
    exact(FunctionId::Atan, "atan", &[Vector], Vector),
    exact(FunctionId::Atanh, "atanh", &[Vector], Vector),
    exact(FunctionId::AvgOverTime, "avg_over_time", &[Matrix], Vector),
    exact(FunctionId::Ceil, "ceil", &[Vector], Vector),
    exact(FunctionId::Changes, "changes", &[Matrix], Vector),
    exact(FunctionId::Clamp, "clamp", &[Vector, Scalar, Scalar], Vector),
    exact(FunctionId::ClampMax, "clamp_max", &[Vector, Scalar], Vector),
    exact(FunctionId::ClampMin, "clamp_min", &[Vector, Scalar], Vector),
    exact(FunctionId::Cos, "cos", &[Vector], Vector),
    exact(FunctionId::Cosh, "cosh", &[Vector], Vector),
    exact(FunctionId::CountOverTime, "count_over_time", &[Matrix], Vector),
    exact(FunctionId::DayOfMonth, "day_of_month", &[Vector], Vector).between(0, Some(1)),
    exact(FunctionId::DayOfWeek, "day_of_week", &[Vector], Vector).between(0, Some(1)),
    exact(FunctionId::DayOfYear, "day_of_year", &[Vector], Vector).between(0, Some(1)),
    exact(FunctionId::DaysInMonth, "days_in_month", &[Vector], Vector).between(0, Some(1)),
    exact(FunctionId::Deg, "deg", &[Vector], Vector),
    exact(FunctionId::Delta, "delta", &[Matrix], Vector),
    exact(FunctionId::Deriv, "deriv", &[Matrix], Vector),
    exact(
        FunctionId::DoubleExponentialSmoothing,
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        Vector,
    )
    .experimental(),
    exact(FunctionId::End, "end", &[], Scalar).experimental(),
    exact(FunctionId::Exp, "exp", &[Vector], Vector),
    exact(FunctionId::FirstOverTime, "first_over_time", &[Matrix], Vector),
    exact(FunctionId::Floor, "floor", &[Vector], Vector),
    exact(FunctionId::HistogramAvg, "histogram_avg", &[Vector], Vector),
    exact(FunctionId::HistogramCount, "histogram_count", &[Vector], Vector),
    exact(FunctionId::HistogramFraction, "histogram_fraction", &[Scalar, Scalar, Vector], Vector),
    exact(FunctionId::HistogramQuantile, "histogram_quantile", &[Scalar, Vector], Vector),
    exact(FunctionId::HistogramQuantiles, "histogram_quantiles", &[Vector, String, Scalar, Scalar], Vector)
        .between(3, Some(12))
        .experimental(),
    exact(FunctionId::HistogramStddev, "histogram_stddev", &[Vector], Vector),
    exact(FunctionId::HistogramStdvar, "histogram_stdvar", &[Vector], Vector),
    exact(FunctionId::HistogramSum, "histogram_sum", &[Vector], Vector),
    exact(FunctionId::Hour, "hour", &[Vector], Vector).between(0, Some(1)),
    exact(FunctionId::Idelta, "idelta", &[Matrix], Vector),
    exact(FunctionId::Increase, "increase", &[Matrix], Vector),
    exact(FunctionId::Info, "info", &[Vector, Vector], Vector).between(1, Some(2)).experimental(),
    exact(FunctionId::Irate, "irate", &[Matrix], Vector),
    exact(FunctionId::LabelJoin, "label_join", &[Vector, String, String, String], Vector).between(3, None),
    exact(FunctionId::LabelReplace, "label_replace", &[Vector, String, String, String, String], Vector),
    exact(FunctionId::LastOverTime, "last_over_time", &[Matrix], Vector),
    exact(FunctionId::Ln, "ln", &[Vector], Vector),
    exact(FunctionId::Log10, "log10", &[Vector], Vector),
    exact(FunctionId::Log2, "log2", &[Vector], Vector),
    exact(FunctionId::MadOverTime, "mad_over_time", &[Matrix], Vector).experimental(),
    exact(FunctionId::MaxOf, "max_of", &[Scalar, Scalar], Scalar).experimental(),
    exact(FunctionId::MaxOverTime, "max_over_time", &[Matrix], Vector),
    exact(FunctionId::MinOf, "min_of", &[Scalar, Scalar], Scalar).experimental(),
    exact(FunctionId::MinOverTime, "min_over_time", &[Matrix], Vector),
    exact(FunctionId::Minute, "minute", &[Vector], Vector).between(0, Some(1)),
    exact(FunctionId::Month, "month", &[Vector], Vector).between(0, Some(1)),
    exact(FunctionId::Pi, "pi", &[], Scalar),
    exact(FunctionId::PredictLinear, "predict_linear", &[Matrix, Scalar], Vector),
    exact(FunctionId::PresentOverTime, "present_over_time", &[Matrix], Vector),
    exact(FunctionId::QuantileOverTime, "quantile_over_time", &[Scalar, Matrix], Vector),
    exact(FunctionId::Rad, "rad", &[Vector], Vector),
    exact(FunctionId::Range, "range", &[], Scalar).experimental(),
    exact(FunctionId::Rate, "rate", &[Matrix], Vector),
    exact(FunctionId::Resets, "resets", &[Matrix], Vector),
    exact(FunctionId::Round, "round", &[Vector, Scalar], Vector).between(1, Some(2)),
    exact(FunctionId::Scalar, "scalar", &[Vector], Scalar),
    exact(FunctionId::Sgn, "sgn", &[Vector], Vector),
    exact(FunctionId::Sin, "sin", &[Vector], Vector),
    exact(FunctionId::Sinh, "sinh", &[Vector], Vector),
    exact(FunctionId::Sort, "sort", &[Vector], Vector),
    exact(FunctionId::SortByLabel, "sort_by_label", &[Vector, String], Vector)
        .between(1, None)
        .experimental(),
    exact(FunctionId::SortByLabelDesc, "sort_by_label_desc", &[Vector, String], Vector)
        .between(1, None)
        .experimental(),
    exact(FunctionId::SortDesc, "sort_desc", &[Vector], Vector),
    exact(FunctionId::Sqrt, "sqrt", &[Vector], Vector),
    exact(FunctionId::Start, "start", &[], Scalar).experimental(),
    exact(FunctionId::StartTimestamp, "start_timestamp", &[Vector], Vector).experimental(),
    exact(FunctionId::StddevOverTime, "stddev_over_time", &[Matrix], Vector),
    exact(FunctionId::StdvarOverTime, "stdvar_over_time", &[Matrix], Vector),
    exact(FunctionId::Step, "step", &[], Scalar).experimental(),
    exact(FunctionId::SumOverTime, "sum_over_time", &[Matrix], Vector),
    exact(FunctionId::Tan, "tan", &[Vector], Vector),
    exact(FunctionId::Tanh, "tanh", &[Vector], Vector),
    exact(FunctionId::Time, "time", &[], Scalar),
    exact(FunctionId::Timestamp, "timestamp", &[Vector], Vector),
    exact(FunctionId::TsOfFirstOverTime, "ts_of_first_over_time", &[Matrix], Vector).experimental(),
    exact(FunctionId::TsOfLastOverTime, "ts_of_last_over_time", &[Matrix], Vector).experimental(),
    exact(FunctionId::TsOfMaxOverTime, "ts_of_max_over_time", &[Matrix], Vector).experimental(),
    exact(FunctionId::TsOfMinOverTime, "ts_of_min_over_time", &[Matrix], Vector).experimental(),
    exact(FunctionId::Vector, "vector", &[Scalar], Vector),
    exact(FunctionId::Year, "year", &[Vector], Vector).between(0, Some(1)),
];
