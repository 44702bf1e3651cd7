//! Writes the values of one slot in the smallest of the forms that can hold them.

use bedrock::codec::bytes::write_bytes;
use bedrock::codec::dictionary::DictionaryBuilder;
use bedrock::codec::zstd_page::ZstdEncoder;
use bedrock::codec::{numbers, varint};
use rustc_hash::FxHashMap;

use super::format::{
    CLOCK_UNITS, DECIMAL_DIGITS_MAX, DecimalForm, FIXED_WIDTH_MAX, KIND_CLOCK, KIND_CONSTANT, KIND_DECIMAL,
    KIND_DICTIONARY, KIND_FIXED, KIND_HEX, KIND_INTEGER, KIND_TEXT, KIND_WORDS,
};
use super::table::write_table;
use super::tokens::cut_word;

/// Compression of text and entries. Pages are written once, in the background, and read for weeks.
const ZSTD_LEVEL: i32 = 9;
/// A dictionary holds at most one entry for so many values, and at most this many entries.
const DICTIONARY_VALUES_PER_ENTRY: usize = 8;
const DICTIONARY_ENTRIES: std::ops::RangeInclusive<usize> = 16..=4096;
/// A dictionary this small is taken without trying text or words.
const DICTIONARY_ENTRIES_SMALL: usize = 64;
/// Words may have one shape for so many values.
const WORDS_VALUES_PER_SHAPE: usize = 128;
const HEX_DIGITS_MIN: usize = 8;
/// A clock is close to the entry's time: a service prints the time of the line, give or take a day.
const CLOCK_DISTANCE_MAX_NS: i64 = 86_400_000_000_000;

/// Appends a zstd part.
pub(super) fn write_zstd(raw: &[u8], out: &mut Vec<u8>) {
    let mut page = Vec::new();
    ZstdEncoder::new(ZSTD_LEVEL).expect("the level is one of zstd's").encode(raw, &mut page);
    write_bytes(&page, out);
}

/// Appends a column over `values`. `times_ns` are the times of the same rows. A nested column is not cut again.
pub(super) fn write_column(values: &[&[u8]], times_ns: &[i64], nested: bool, out: &mut Vec<u8>) {
    let Some((&first, rest)) = values.split_first() else {
        out.push(KIND_CONSTANT);
        write_bytes(b"", out);
        return;
    };
    if rest.iter().all(|&value| value == first) {
        out.push(KIND_CONSTANT);
        write_bytes(first, out);
        return;
    }
    let mut best = Vec::new();
    let entries = try_dictionary(values, &mut best);
    let numeric = try_numeric(values, times_ns, &mut best);
    if !numeric && entries.is_none_or(|entries| entries > DICTIONARY_ENTRIES_SMALL) {
        if !nested {
            let mut words = vec![KIND_WORDS];
            let shapes_max = values.len() / WORDS_VALUES_PER_SHAPE + 4;
            if write_table(values, times_ns, cut_word, shapes_max, true, &mut words) {
                keep_smaller(&mut best, words);
            }
        }
        keep_smaller(&mut best, text(values));
    }
    out.extend_from_slice(&best);
}

fn keep_smaller(best: &mut Vec<u8>, other: Vec<u8>) {
    if best.is_empty() || other.len() < best.len() {
        *best = other;
    }
}

fn text(values: &[&[u8]]) -> Vec<u8> {
    let mut column = vec![KIND_TEXT];
    let lengths: Vec<i64> = values.iter().map(|value| value.len() as i64).collect();
    numbers::write(&lengths, &mut column);
    write_zstd(&values.concat(), &mut column);
    column
}

/// Writes a dictionary where there are few distinct values, and returns how many.
fn try_dictionary(values: &[&[u8]], best: &mut Vec<u8>) -> Option<usize> {
    let entries_max = (values.len() / DICTIONARY_VALUES_PER_ENTRY)
        .clamp(*DICTIONARY_ENTRIES.start(), *DICTIONARY_ENTRIES.end());
    let mut codes_of: FxHashMap<&[u8], i64> = FxHashMap::default();
    let mut dictionary = DictionaryBuilder::default();
    let mut codes = Vec::with_capacity(values.len());
    for &value in values {
        codes.push(*codes_of.entry(value).or_insert_with(|| i64::from(dictionary.intern(value))));
        if dictionary.len() > entries_max {
            return None;
        }
    }
    let mut column = vec![KIND_DICTIONARY];
    let mut raw = Vec::new();
    dictionary.write(&mut raw);
    write_zstd(&raw, &mut column);
    numbers::write(&codes, &mut column);
    keep_smaller(best, column);
    Some(dictionary.len())
}

/// Writes the one numeric form that holds all values exactly, if there is one.
fn try_numeric(values: &[&[u8]], times_ns: &[i64], best: &mut Vec<u8>) -> bool {
    if let Some(integers) = values.iter().map(|value| parse_integer(value)).collect::<Option<Vec<i64>>>() {
        let mut column = vec![KIND_INTEGER];
        numbers::write(&integers, &mut column);
        keep_smaller(best, column);
        if let Some(column) = clock(&integers, times_ns) {
            keep_smaller(best, column);
        }
        return true;
    }
    let column = fixed(values).or_else(|| hex(values)).or_else(|| decimal(values));
    let found = column.is_some();
    if let Some(column) = column {
        keep_smaller(best, column);
    }
    found
}

/// The value of an integer in its only printed form: no leading zeros, no plus, no negative zero.
fn parse_integer(value: &[u8]) -> Option<i64> {
    let (negative, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    let leading_zero = digits.first() == Some(&b'0') && (digits.len() > 1 || negative);
    if leading_zero {
        return None;
    }
    let magnitude = parse_digits(digits)?;
    Some(if negative { -magnitude } else { magnitude })
}

/// The value of 1 to [`FIXED_WIDTH_MAX`] digits.
fn parse_digits(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > usize::from(FIXED_WIDTH_MAX) {
        return None;
    }
    digits
        .iter()
        .try_fold(0i64, |value, &digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
}

fn clock(integers: &[i64], times_ns: &[i64]) -> Option<Vec<u8>> {
    let (&first, &time_ns) = integers.first().zip(times_ns.first())?;
    let unit = CLOCK_UNITS.into_iter().find(|&unit| {
        let scale = 10i64.pow(u32::from(unit));
        first.checked_mul(scale).is_some_and(|ns| ns.abs_diff(time_ns) < CLOCK_DISTANCE_MAX_NS as u64)
    })?;
    let scale = 10i64.pow(u32::from(unit));
    let away: Vec<i64> =
        integers.iter().zip(times_ns).map(|(v, t)| v.wrapping_sub(t.div_euclid(scale))).collect();
    let mut column = vec![KIND_CLOCK, unit];
    numbers::write(&away, &mut column);
    Some(column)
}

fn fixed(values: &[&[u8]]) -> Option<Vec<u8>> {
    let width = values.first()?.len();
    let integers: Option<Vec<i64>> =
        values.iter().map(|value| if value.len() == width { parse_digits(value) } else { None }).collect();
    let mut column = vec![KIND_FIXED, width as u8];
    numbers::write(&integers?, &mut column);
    Some(column)
}

fn hex(values: &[&[u8]]) -> Option<Vec<u8>> {
    let digits = values.first()?.len();
    if digits < HEX_DIGITS_MIN || digits % 2 == 1 || digits / 2 > usize::from(u8::MAX) {
        return None;
    }
    let mut column = vec![KIND_HEX, (digits / 2) as u8];
    for value in values {
        if value.len() != digits {
            return None;
        }
        for pair in value.chunks_exact(2) {
            column.push(hex_digit(pair[0])? << 4 | hex_digit(pair[1])?);
        }
    }
    Some(column)
}

/// The value of a lower-case hex digit.
pub(super) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// A number such as `12.5` or `12.500ms`: digits before and behind the point, then the same suffix everywhere. All values
/// have the same [`DecimalForm`]: as many digits behind the point, or no trailing zeros, as printers of JSON do.
fn decimal(values: &[&[u8]]) -> Option<Vec<u8>> {
    let split: Vec<SplitDecimal<'_>> =
        values.iter().map(|value| SplitDecimal::of(value)).collect::<Option<_>>()?;
    let suffix = split.first()?.suffix;
    if split.iter().any(|value| value.suffix != suffix) {
        return None;
    }
    let digits = split.iter().map(|value| value.digits).max()?;
    let form = decimal_form(&split, digits)?;
    let scaled: Vec<i64> = split
        .iter()
        .map(|value| value.whole * 10i64.pow(digits) + value.fraction * 10i64.pow(digits - value.digits))
        .collect();
    let mut column = vec![KIND_DECIMAL, digits as u8, form as u8];
    varint::write(suffix.len() as u64, &mut column);
    column.extend_from_slice(suffix);
    numbers::write(&scaled, &mut column);
    Some(column)
}

/// The parts of a decimal: the digits behind the point as a number and how many there are, 0 where there is no point.
struct SplitDecimal<'a> {
    whole: i64,
    fraction: i64,
    digits: u32,
    suffix: &'a [u8],
}

impl<'a> SplitDecimal<'a> {
    fn of(value: &'a [u8]) -> Option<Self> {
        let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
        let (whole, rest) = value.split_at(end);
        // A sign would be lost on `-0.5`; values with a sign are text.
        let whole = parse_integer(whole).filter(|whole| (0..1_000_000_000_000).contains(whole))?;
        let Some(behind) = rest.strip_prefix(b".") else {
            return Some(SplitDecimal { whole, fraction: 0, digits: 0, suffix: rest });
        };
        let length = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, suffix) = behind.split_at(length);
        if length > usize::from(DECIMAL_DIGITS_MAX) {
            return None;
        }
        Some(SplitDecimal { whole, fraction: parse_digits(fraction)?, digits: length as u32, suffix })
    }
}

/// The form in which all values are printed, of which the longest has `digits` behind the point.
fn decimal_form(split: &[SplitDecimal<'_>], digits: u32) -> Option<DecimalForm> {
    if split.iter().all(|value| value.digits == digits) && digits > 0 {
        return Some(DecimalForm::Padded);
    }
    if split.iter().all(|value| value.digits == 1 || value.digits > 1 && value.fraction % 10 != 0) {
        return Some(DecimalForm::Trimmed);
    }
    let shortest = split.iter().all(|value| value.digits == 0 || value.fraction % 10 != 0);
    shortest.then_some(DecimalForm::Shortest)
}
