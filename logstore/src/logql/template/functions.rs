//! The functions of LogQL's templates.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock, PoisonError};

use gotmpl::{FuncMap, Template as GoTemplate, Value, ValueFunc};

use crate::logql::quantity;
use crate::logql::regex::Regex;
use crate::logql::template::decimal::{Decimal, compute};
use crate::logql::template::rewrite::{FIELD, SHOW};
use crate::logql::template::text;
use crate::logql::template::time::{self, Moment};
use crate::logql::template::value::{
    Args, as_time, error, from_json, of_time, show, show_all, to_float, to_int,
};
use crate::logql::template::{Current, Shared};

type Answer = gotmpl::Result<Value>;
type Ints = fn(i64, i64) -> i64;
type Floats = fn(f64, f64) -> f64;
type Count = std::ops::RangeInclusive<usize>;

fn string(text: impl Into<Arc<str>>) -> Answer {
    Ok(Value::String(text.into()))
}

/// A function of one text.
fn text_function(name: &'static str, run: fn(&str) -> String) -> (&'static str, ValueFunc) {
    (name, Arc::new(move |values| string(run(Args::new(name, values, 1..=1)?.text(0)?))))
}

/// A function of two texts.
fn two_texts(name: &'static str, run: fn(&str, &str) -> Value) -> (&'static str, ValueFunc) {
    (
        name,
        Arc::new(move |values| {
            let args = Args::new(name, values, 2..=2)?;
            Ok(run(args.text(0)?, args.text(1)?))
        }),
    )
}

/// A function of any arguments.
fn function(name: &'static str, run: fn(&'static str, &[Value]) -> Answer) -> (&'static str, ValueFunc) {
    (name, Arc::new(move |values| run(name, values)))
}

/// Every function that depends on nothing but its arguments.
fn plain() -> Vec<(&'static str, ValueFunc)> {
    let mut all = Vec::new();
    all.extend(case_and_trim());
    all.extend(searching());
    all.extend(arithmetic());
    all.extend(times());
    all.extend([
        text_function("urlencode", gotmpl::url_encode),
        text_function("b64enc", text::base64_encode),
        text_function("b64dec", text::base64_decode),
        function("urldecode", |name, values| {
            match text::url_decode(Args::new(name, values, 1..=1)?.text(0)?) {
                Some(decoded) => string(decoded),
                None => error("invalid URL escape"),
            }
        }),
        function("fromJson", |name, values| {
            Ok(from_json(Args::new(name, values, 1..=1)?.text(0)?).unwrap_or(Value::Nil))
        }),
        function("default", |name, values| {
            let args = Args::new(name, values, 1..=usize::MAX)?;
            let given = values.get(1).filter(|value| value.is_truthy());
            Ok(given.unwrap_or(args.value(0)).clone())
        }),
        function("bytes", |name, values| {
            match quantity::parse_bytes(Args::new(name, values, 1..=1)?.text(0)?) {
                Ok(bytes) => Ok(Value::Float(bytes as f64)),
                Err(problem) => error(problem),
            }
        }),
        function("duration", duration),
        function("duration_seconds", duration),
    ]);
    all
}

fn duration(name: &'static str, values: &[Value]) -> Answer {
    let text = Args::new(name, values, 1..=1)?.text(0)?;
    match quantity::parse_go_duration(text) {
        Some(ns) => Ok(Value::Float(ns as f64 / 1e9)),
        None => error(format!("time: invalid duration {text:?}")),
    }
}

fn case_and_trim() -> Vec<(&'static str, ValueFunc)> {
    vec![
        text_function("ToLower", str::to_lowercase),
        text_function("lower", str::to_lowercase),
        text_function("ToUpper", str::to_uppercase),
        text_function("upper", str::to_uppercase),
        text_function("title", text::title),
        text_function("TrimSpace", |text| text.trim().to_owned()),
        text_function("trim", |text| text.trim().to_owned()),
        two_texts("Trim", |text, set| Value::String(text::trim(text, set, true, true).into())),
        two_texts("TrimLeft", |text, set| Value::String(text::trim(text, set, true, false).into())),
        two_texts("TrimRight", |text, set| Value::String(text::trim(text, set, false, true).into())),
        two_texts("trimAll", |set, text| Value::String(text::trim(text, set, true, true).into())),
        two_texts("TrimPrefix", |text, end| Value::String(text.strip_prefix(end).unwrap_or(text).into())),
        two_texts("trimPrefix", |end, text| Value::String(text.strip_prefix(end).unwrap_or(text).into())),
        two_texts("TrimSuffix", |text, end| Value::String(text.strip_suffix(end).unwrap_or(text).into())),
        two_texts("trimSuffix", |end, text| Value::String(text.strip_suffix(end).unwrap_or(text).into())),
        function("trunc", |name, values| {
            let args = Args::new(name, values, 2..=2)?;
            string(text::truncate(args.int(0)?, args.text(1)?))
        }),
        function("substr", |name, values| {
            let args = Args::new(name, values, 3..=3)?;
            match text::substring(args.int(0)?, args.int(1)?, args.text(2)?) {
                Some(part) => string(part),
                None => error("substr: slice bounds out of range"),
            }
        }),
    ]
}

fn searching() -> Vec<(&'static str, ValueFunc)> {
    vec![
        two_texts("contains", |part, text| Value::Bool(text.contains(part))),
        two_texts("hasPrefix", |part, text| Value::Bool(text.starts_with(part))),
        two_texts("hasSuffix", |part, text| Value::Bool(text.ends_with(part))),
        function("count", |name, values| {
            let args = Args::new(name, values, 2..=2)?;
            match Regex::new(args.text(0)?) {
                Ok(regex) => Ok(Value::Int(regex.count(args.text(1)?.as_bytes()) as i64)),
                Err(problem) => error(problem),
            }
        }),
    ]
}

/// Functions of whole numbers and of floats; each reads whatever it is given.
fn arithmetic() -> Vec<(&'static str, ValueFunc)> {
    fn fold(values: &[Value], run: fn(i64, i64) -> i64) -> i64 {
        values.iter().map(to_int).reduce(run).unwrap_or(0)
    }
    fn fold_floats(values: &[Value], run: fn(f64, f64) -> f64) -> f64 {
        values.iter().map(to_float).reduce(run).unwrap_or(0.0)
    }
    let any = 1..=usize::MAX;
    let ints: [(&'static str, Ints, Count); 5] = [
        ("add", i64::wrapping_add, 0..=usize::MAX),
        ("mul", i64::wrapping_mul, any.clone()),
        ("sub", i64::wrapping_sub, 2..=2),
        ("max", i64::max, any.clone()),
        ("min", i64::min, any.clone()),
    ];
    let floats: [(&'static str, Floats); 6] = [
        ("addf", |a, b| compute(a, b, Decimal::add, a + b)),
        ("subf", |a, b| compute(a, b, Decimal::sub, a - b)),
        ("mulf", |a, b| compute(a, b, Decimal::mul, a * b)),
        ("divf", |a, b| compute(a, b, Decimal::div, a / b)),
        ("maxf", f64::max),
        ("minf", f64::min),
    ];
    let mut all: Vec<(&'static str, ValueFunc)> = Vec::new();
    for (name, run, count) in ints {
        all.push((
            name,
            Arc::new(move |values| {
                Ok(Value::Int(fold(Args::new(name, values, count.clone())?.values(), run)))
            }),
        ));
    }
    for (name, run) in floats {
        all.push((
            name,
            Arc::new(move |values| {
                let values = Args::new(name, values, 1..=usize::MAX)?.values();
                if name == "divf" && values[1..].iter().any(|value| to_float(value) == 0.0) {
                    return error("division by 0");
                }
                Ok(Value::Float(fold_floats(values, run)))
            }),
        ));
    }
    all.extend([
        function("div", |name, values| divide(name, values, i64::checked_div)),
        function("mod", |name, values| divide(name, values, i64::checked_rem)),
        function("int", |name, values| Ok(Value::Int(to_int(Args::new(name, values, 1..=1)?.value(0))))),
        function("float64", |name, values| {
            Ok(Value::Float(to_float(Args::new(name, values, 1..=1)?.value(0))))
        }),
        function("ceil", |name, values| {
            Ok(Value::Float(to_float(Args::new(name, values, 1..=1)?.value(0)).ceil()))
        }),
        function("floor", |name, values| {
            Ok(Value::Float(to_float(Args::new(name, values, 1..=1)?.value(0)).floor()))
        }),
        function("round", |name, values| {
            let args = Args::new(name, values, 2..=3)?;
            let up_from = if values.len() > 2 { to_float(args.value(2)) } else { 0.5 };
            let scale = 10f64.powi(args.int(1)?.clamp(-400, 400) as i32);
            let digits = scale * to_float(args.value(0));
            let rounded = if digits.fract() >= up_from { digits.ceil() } else { digits.floor() };
            Ok(Value::Float(rounded / scale))
        }),
    ]);
    all
}

fn divide(name: &'static str, values: &[Value], run: fn(i64, i64) -> Option<i64>) -> Answer {
    let args = Args::new(name, values, 2..=2)?;
    match run(to_int(args.value(0)), to_int(args.value(1))) {
        Some(number) => Ok(Value::Int(number)),
        None => error("integer divide by zero"),
    }
}

fn times() -> Vec<(&'static str, ValueFunc)> {
    vec![
        function("unixEpoch", |name, values| {
            string(Args::new(name, values, 1..=1)?.time(0)?.seconds.to_string())
        }),
        function("unixEpochMillis", |name, values| {
            string(Args::new(name, values, 1..=1)?.time(0)?.milliseconds().to_string())
        }),
        function("unixEpochNanos", |name, values| {
            string(Args::new(name, values, 1..=1)?.time(0)?.nanoseconds().to_string())
        }),
        function("date", |name, values| {
            let args = Args::new(name, values, 2..=2)?;
            let layout = args.text(0)?;
            let moment = match args.value(1) {
                Value::Int(seconds) => Moment::utc(*seconds, 0),
                other => as_time(other).map_or_else(now, |moment| moment.in_utc()),
            };
            string(moment.format(layout))
        }),
        function("toDate", |name, values| {
            let args = Args::new(name, values, 2..=2)?;
            let moment = time::parse(args.text(0)?, args.text(1)?, &time::zone("UTC"));
            Ok(of_time(&moment.unwrap_or_else(Moment::zero)))
        }),
        function("toDateInZone", |name, values| {
            let args = Args::new(name, values, 3..=3)?;
            let moment = time::parse(args.text(0)?, args.text(2)?, &time::zone(args.text(1)?));
            Ok(of_time(&moment.unwrap_or_else(Moment::zero)))
        }),
        function("unixToTime", |name, values| {
            let text = Args::new(name, values, 1..=1)?.text(0)?;
            let number = text.parse::<i64>().ok();
            let moment = number.and_then(|number| match text.len() {
                5 => Some(Moment::utc(number * 86_400, 0)),
                10 => Some(Moment::utc(number, 0)),
                13 => number.checked_mul(1_000_000).map(Moment::of_ns),
                16 => number.checked_mul(1_000).map(Moment::of_ns),
                19 => Some(Moment::of_ns(number)),
                _ => None,
            });
            match moment {
                Some(moment) => Ok(of_time(&moment)),
                None => error(format!("unable to parse time '{text}'")),
            }
        }),
        function("now", |name, values| {
            Args::new(name, values, 0..=0)?;
            Ok(of_time(&now()))
        }),
    ]
}

fn now() -> Moment {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Moment::utc(since.as_secs() as i64, since.subsec_nanos())
}

/// Functions whose result may be much longer than what they are given: they refuse to pass the limit.
fn growing(bytes_max: usize) -> Vec<(&'static str, ValueFunc)> {
    let check = move |count: i64, each: usize| match usize::try_from(count) {
        Ok(count) if count.saturating_mul(each) <= bytes_max => Ok(count),
        _ => error(format!("a result of {count} times {each} bytes; a template may write {bytes_max}")),
    };
    let indent = move |name: &'static str, lead: &'static str| -> (&'static str, ValueFunc) {
        (
            name,
            Arc::new(move |values| {
                let args = Args::new(name, values, 2..=2)?;
                let text = args.text(1)?;
                let lines = text.matches('\n').count() + 1;
                let blanks = " ".repeat(check(args.int(0)?, lines)?);
                string(format!("{lead}{blanks}{}", text.replace('\n', &format!("\n{blanks}"))))
            }),
        )
    };
    let align = move |name: &'static str, left: bool| -> (&'static str, ValueFunc) {
        (
            name,
            Arc::new(move |values| {
                let args = Args::new(name, values, 2..=2)?;
                let count = args.int(0)?;
                check(count.max(0), 1)?;
                string(text::align(count, args.text(1)?, left))
            }),
        )
    };
    let replace_all = move |name: &'static str, literal: bool| -> (&'static str, ValueFunc) {
        (
            name,
            Arc::new(move |values| {
                let args = Args::new(name, values, 3..=3)?;
                let (text, replacement) = (args.text(1)?, args.text(2)?);
                let regex = Regex::new(args.text(0)?).or_else(error)?;
                let replaced = regex.replace_all(text.as_bytes(), bytes_max, |groups, out| {
                    if literal {
                        out.extend_from_slice(replacement.as_bytes());
                    } else {
                        regex.expand(replacement, text.as_bytes(), groups, out);
                    }
                });
                match replaced {
                    Some(bytes) => string(text::of_bytes(&bytes)),
                    None => error(format!("a template may write {bytes_max} bytes")),
                }
            }),
        )
    };
    let replace = move |name: &'static str, text_at: usize, counted: bool| -> (&'static str, ValueFunc) {
        (
            name,
            Arc::new(move |values| {
                let args = Args::new(name, values, if counted { 4..=4 } else { 3..=3 })?;
                let (old, new) = (args.text((text_at + 1) % 3)?, args.text((text_at + 2) % 3)?);
                let text = args.text(text_at)?;
                let count = if counted { args.int(3)? } else { -1 };
                check(text.matches(old).count() as i64, new.len())?;
                string(text::replace(text, old, new, count))
            }),
        )
    };
    vec![
        replace("Replace", 0, true),
        replace("replace", 2, false),
        indent("indent", ""),
        indent("nindent", "\n"),
        align("alignLeft", true),
        align("alignRight", false),
        replace_all("regexReplaceAll", false),
        replace_all("regexReplaceAllLiteral", true),
        (
            "repeat",
            Arc::new(move |values| {
                let args = Args::new("repeat", values, 2..=2)?;
                let text = args.text(1)?;
                string(text.repeat(check(args.int(0)?, text.len())?))
            }),
        ),
    ]
}

/// Functions that look at the line or at the labels.
fn of_line(shared: &Shared) -> Vec<(&'static str, ValueFunc)> {
    let with = |run: fn(&mut Current, &[Value]) -> Answer| -> ValueFunc {
        let shared = Arc::clone(shared);
        Arc::new(move |values| run(&mut shared.lock().unwrap_or_else(PoisonError::into_inner), values))
    };
    vec![
        (
            "__line__",
            with(|current, values| {
                Args::new("__line__", values, 0..=0)?;
                Ok(Value::String(current.line()))
            }),
        ),
        (
            "__timestamp__",
            with(|current, values| {
                Args::new("__timestamp__", values, 0..=0)?;
                Ok(of_time(&Moment::of_ns(current.ts_ns)))
            }),
        ),
        (FIELD, with(field)),
        ("index", with(index)),
        function("slice", slice),
        function(SHOW, shown),
        function("html", |name, values| escaped(name, values, gotmpl::html_escape)),
        function("js", |name, values| escaped(name, values, gotmpl::js_escape)),
        function("urlquery", |name, values| escaped(name, values, gotmpl::url_encode)),
        function("print", |_, values| string(show_all(values))),
        function("println", |_, values| {
            let shown: Vec<String> = values.iter().map(show).collect();
            string(shown.join(" ") + "\n")
        }),
        function("printf", printf),
    ]
}

/// `.name` of the labels, of a map, or a method of a time.
fn field(current: &mut Current, values: &[Value]) -> Answer {
    let args = Args::new(FIELD, values, 2..=usize::MAX)?;
    let name = args.text(0)?;
    let receiver = args.value(1);
    if let Some(moment) = as_time(receiver) {
        return method(&moment, name, values.get(2..).unwrap_or(&[]));
    }
    if values.len() > 2 {
        return error(format!("can't give argument to non-function .{name}"));
    }
    match receiver {
        Value::Map(map) => Ok(match map.get(name) {
            Some(value) => value.clone(),
            None if is_labels(current, receiver) => Value::String("".into()),
            None => Value::Nil,
        }),
        Value::Nil => Ok(Value::Nil),
        other => error(format!("can't evaluate field {name} in type {}", other.type_name())),
    }
}

fn is_labels(current: &Current, value: &Value) -> bool {
    matches!((&current.labels, value), (Some(labels), Value::Map(map)) if Arc::ptr_eq(labels, map))
}

/// A method of Go's `time.Time`.
fn method(moment: &Moment, name: &str, values: &[Value]) -> Answer {
    let args = Args::new("method", values, 0..=1)?;
    let takes_one = matches!(name, "Format" | "Truncate" | "Add");
    if takes_one != (values.len() == 1) {
        return error(format!("wrong number of args for {name}"));
    }
    let civil = moment.civil();
    Ok(match name {
        "Format" => return string(moment.format(args.text(0)?)),
        "Truncate" => of_time(&moment.truncate(args.int(0)?)),
        "Add" => of_time(&moment.add(args.int(0)?)),
        "UTC" | "Local" => of_time(&moment.in_utc()),
        "String" => return string(moment.to_string()),
        "Unix" => Value::Int(moment.seconds),
        "UnixMilli" => Value::Int(moment.milliseconds()),
        "UnixMicro" => Value::Int(moment.nanoseconds() / 1000),
        "UnixNano" => Value::Int(moment.nanoseconds()),
        "Year" => Value::Int(civil.year),
        "Month" => return string(moment.month_name()),
        "Day" => Value::Int(civil.day),
        "YearDay" => Value::Int(civil.year_day),
        "Weekday" => return string(moment.weekday_name()),
        "Hour" => Value::Int(civil.hour),
        "Minute" => Value::Int(civil.minute),
        "Second" => Value::Int(civil.second),
        "Nanosecond" => Value::Int(i64::from(moment.nanos)),
        "IsZero" => Value::Bool(*moment == Moment::zero()),
        _ => return error(format!("can't evaluate field {name} in type time.Time")),
    })
}

/// What an action writes: numbers as Go does, alone and inside of lists and maps.
fn shown(name: &'static str, values: &[Value]) -> Answer {
    let value = Args::new(name, values, 1..=1)?.value(0);
    match value {
        Value::Float(_) | Value::List(_) | Value::Map(_) => string(show(value)),
        other => Ok(other.clone()),
    }
}

/// A text made safe for somewhere else.
fn escaped(_name: &'static str, values: &[Value], escape: fn(&str) -> String) -> Answer {
    let text = match values {
        [Value::Nil] => "<no value>".to_owned(),
        values => show_all(values),
    };
    string(escape(&text))
}

/// The most arguments that `printf` takes.
const PRINTF_ARGS_MAX: usize = 16;

/// Templates that are one call of `printf` with so many arguments: the way to the crate's own `printf`.
static PRINTF: LazyLock<Vec<Option<GoTemplate>>> = LazyLock::new(|| {
    (0..=PRINTF_ARGS_MAX)
        .map(|count| {
            let args: String = (0..count).map(|index| format!(" (index . {index})")).collect();
            GoTemplate::new("printf").parse(&format!("{{{{printf{args}}}}}")).ok()
        })
        .collect()
});

/// `printf`, with `%v` of numbers, lists and maps as Go writes them.
fn printf(name: &'static str, values: &[Value]) -> Answer {
    let args = Args::new(name, values, 1..=PRINTF_ARGS_MAX)?;
    let format = args.text(0)?;
    let mut values = values.to_vec();
    let mut next = 1;
    let mut rest = format.split('%').skip(1);
    while let Some(piece) = rest.next() {
        let flags = piece.bytes().take_while(|b| b" +-#0123456789.*[]".contains(b)).count();
        next += piece[..flags].matches('*').count();
        match piece[flags..].chars().next() {
            // `%%` splits into an empty piece and the text behind it.
            None => {
                rest.next();
            }
            Some('v') if !piece[..flags].contains(['#', '+', '[']) => {
                if let Some(value @ (Value::Float(_) | Value::List(_) | Value::Map(_))) = values.get_mut(next)
                {
                    *value = Value::String(show(value).into());
                }
                next += 1;
            }
            Some(_) => next += 1,
        }
    }
    let Some(template) = PRINTF.get(values.len()).and_then(Option::as_ref) else { return error("printf") };
    string(template.execute_to_string(&Value::List(values.into()))?)
}

/// `index`, with the empty text for labels that are missing.
fn index(current: &mut Current, values: &[Value]) -> Answer {
    let args = Args::new("index", values, 1..=usize::MAX)?;
    let mut value = args.value(0).clone();
    for key in &values[1..] {
        value = match (&value, key) {
            (Value::Map(map), Value::String(key)) if is_labels(current, &value) => {
                map.get(key).cloned().unwrap_or_else(|| Value::String("".into()))
            }
            _ => value.index(key)?,
        };
    }
    Ok(value)
}

/// `slice`, by bytes also inside of characters.
fn slice(name: &'static str, values: &[Value]) -> Answer {
    let args = Args::new(name, values, 1..=4)?;
    let bound = |index: usize| if index < values.len() { args.int(index).map(Some) } else { Ok(None) };
    let Value::String(text) = args.value(0) else {
        return args.value(0).slice(bound(1)?, bound(2)?);
    };
    let (from, to) = (bound(1)?.unwrap_or(0), bound(2)?.unwrap_or(text.len() as i64));
    if values.len() == 4 || from < 0 || to < from || to > text.len() as i64 {
        return error(format!("slice: index out of range [{from}:{to}] with length {}", text.len()));
    }
    string(text::bytes_of(text, from as usize, to as usize))
}

/// A line may be longer than what a template writes: functions take that many times the limit.
const GIVEN_FACTOR: usize = 16;

/// Every function, for templates that share what they know about the line. No text that one gives is longer than the
/// limit, so that texts cannot grow from call to call.
pub(super) fn all(shared: &Shared, bytes_max: usize) -> FuncMap {
    let functions = plain().into_iter().chain(growing(bytes_max)).chain(of_line(shared));
    let bounded = |(name, function): (&'static str, ValueFunc)| -> (String, ValueFunc) {
        let run: ValueFunc = Arc::new(move |values| {
            let given: usize = values.iter().filter_map(Value::as_str).map(str::len).sum();
            if given > bytes_max.saturating_mul(GIVEN_FACTOR) {
                return error(format!("{name} is given {given} bytes; a template may write {bytes_max}"));
            }
            match function(values)? {
                Value::String(text) if text.len() > bytes_max && text.len() > given => {
                    error(format!("{name} gives {} bytes; a template may write {bytes_max}", text.len()))
                }
                value => Ok(value),
            }
        });
        (name.to_owned(), run)
    };
    functions.map(bounded).collect()
}

/// The names of all functions.
pub(super) fn names() -> BTreeSet<String> {
    all(&Shared::default(), 0).into_keys().collect()
}
