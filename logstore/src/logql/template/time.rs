//! Times in templates: Go's layouts, read and written, over civil dates of the proleptic Gregorian calendar.

use std::fmt;

/// A moment with the zone it is shown in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Seconds since 1970.
    pub(super) seconds: i64,
    /// Below one second.
    pub(super) nanos: u32,
    /// East of Greenwich.
    pub(super) offset_seconds: i32,
    /// The abbreviation of the zone, empty where it has none.
    pub(super) zone: String,
}

const DAY_SECONDS: i64 = 86_400;
/// Go's zero time, the first of January of year 1.
const ZERO_SECONDS: i64 = -62_135_596_800;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Moment {
    /// Go's zero time: what a text that cannot be read gives.
    pub(super) fn zero() -> Self {
        Moment::utc(ZERO_SECONDS, 0)
    }

    pub(super) fn utc(seconds: i64, nanos: u32) -> Self {
        Moment { seconds, nanos, offset_seconds: 0, zone: "UTC".to_owned() }
    }

    pub(super) fn of_ns(ns: i64) -> Self {
        Moment::utc(ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000) as u32)
    }

    pub(super) fn milliseconds(&self) -> i64 {
        self.seconds.wrapping_mul(1000).wrapping_add(i64::from(self.nanos / 1_000_000))
    }

    /// Wraps around outside of the years 1678 to 2262, as in Go.
    pub(super) fn nanoseconds(&self) -> i64 {
        self.seconds.wrapping_mul(1_000_000_000).wrapping_add(i64::from(self.nanos))
    }

    /// The same moment in UTC.
    pub(super) fn in_utc(&self) -> Self {
        Moment::utc(self.seconds, self.nanos)
    }

    /// Cuts down to a multiple of a duration since the zero time.
    pub(super) fn truncate(&self, duration_ns: i64) -> Self {
        if duration_ns <= 0 {
            return self.clone();
        }
        let since_zero = i128::from(self.seconds - ZERO_SECONDS) * 1_000_000_000 + i128::from(self.nanos);
        let cut = since_zero - since_zero.rem_euclid(i128::from(duration_ns));
        let seconds = (cut.div_euclid(1_000_000_000)) as i64 + ZERO_SECONDS;
        Moment { seconds, nanos: cut.rem_euclid(1_000_000_000) as u32, ..self.clone() }
    }

    pub(super) fn add(&self, duration_ns: i64) -> Self {
        let total =
            i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos) + i128::from(duration_ns);
        let seconds = total.div_euclid(1_000_000_000) as i64;
        Moment { seconds, nanos: total.rem_euclid(1_000_000_000) as u32, ..self.clone() }
    }

    pub(super) fn civil(&self) -> Civil {
        let local = self.seconds.saturating_add(i64::from(self.offset_seconds));
        let (days, second) = (local.div_euclid(DAY_SECONDS), local.rem_euclid(DAY_SECONDS));
        let (year, month, day) = date_of_days(days);
        Civil {
            year,
            month,
            day,
            year_day: days - days_of_date(year, 1, 1) + 1,
            weekday: (days + 4).rem_euclid(7) as usize,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }

    pub(super) fn weekday_name(&self) -> &'static str {
        DAYS[self.civil().weekday]
    }

    pub(super) fn month_name(&self) -> &'static str {
        MONTHS[(self.civil().month - 1).clamp(0, 11) as usize]
    }

    /// Writes the moment in a layout.
    pub(super) fn format(&self, layout: &str) -> String {
        let civil = self.civil();
        let mut out = String::new();
        let mut rest = layout;
        while !rest.is_empty() {
            let (literal, piece, after) = next_piece(rest);
            out.push_str(literal);
            if let Some(piece) = piece {
                self.write_piece(piece, &civil, &mut out);
            }
            rest = after;
        }
        out
    }

    fn write_piece(&self, piece: Piece, civil: &Civil, out: &mut String) {
        let hour12 = if civil.hour % 12 == 0 { 12 } else { civil.hour % 12 };
        let text = match piece {
            Piece::LongMonth => self.month_name().to_owned(),
            Piece::Month => self.month_name()[..3].to_owned(),
            Piece::NumMonth => civil.month.to_string(),
            Piece::ZeroMonth => format!("{:02}", civil.month),
            Piece::LongWeekday => DAYS[civil.weekday].to_owned(),
            Piece::Weekday => DAYS[civil.weekday][..3].to_owned(),
            Piece::Day => civil.day.to_string(),
            Piece::UnderDay => format!("{:>2}", civil.day),
            Piece::ZeroDay => format!("{:02}", civil.day),
            Piece::UnderYearDay => format!("{:>3}", civil.year_day),
            Piece::ZeroYearDay => format!("{:03}", civil.year_day),
            Piece::Hour => format!("{:02}", civil.hour),
            Piece::Hour12 => hour12.to_string(),
            Piece::ZeroHour12 => format!("{hour12:02}"),
            Piece::Minute => civil.minute.to_string(),
            Piece::ZeroMinute => format!("{:02}", civil.minute),
            Piece::Second => civil.second.to_string(),
            Piece::ZeroSecond => format!("{:02}", civil.second),
            Piece::LongYear => format!("{:04}", civil.year),
            Piece::Year => format!("{:02}", civil.year.rem_euclid(100)),
            Piece::UpperPm => if civil.hour >= 12 { "PM" } else { "AM" }.to_owned(),
            Piece::LowerPm => if civil.hour >= 12 { "pm" } else { "am" }.to_owned(),
            Piece::ZoneName if self.zone.is_empty() => {
                self.offset(Offset { z: false, colons: false, parts: 2 })
            }
            Piece::ZoneName => self.zone.clone(),
            Piece::Zone(offset) => self.offset(offset),
            Piece::Fraction { separator, digits, trim } => self.fraction(separator, digits, trim),
        };
        out.push_str(&text);
    }

    fn offset(&self, form: Offset) -> String {
        if form.z && self.offset_seconds == 0 {
            return "Z".to_owned();
        }
        let sign = if self.offset_seconds < 0 { '-' } else { '+' };
        let seconds = self.offset_seconds.unsigned_abs();
        let colon = if form.colons { ":" } else { "" };
        let mut text = format!("{sign}{:02}", seconds / 3600);
        for part in [seconds / 60 % 60, seconds % 60].into_iter().take(form.parts - 1) {
            text.push_str(&format!("{colon}{part:02}"));
        }
        text
    }

    fn fraction(&self, separator: char, digits: usize, trim: bool) -> String {
        let all = format!("{:09}", self.nanos);
        let shown = &all[..digits.min(9)];
        let shown = if trim { shown.trim_end_matches('0') } else { shown };
        if shown.is_empty() { String::new() } else { format!("{separator}{shown}") }
    }
}

impl fmt::Display for Moment {
    /// Go's default form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

/// Date and time of day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) year_day: i64,
    pub(super) weekday: usize,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

/// Days since 1970 of a date; years start in March for the counting, so that the leap day comes last.
fn days_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn date_of_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let next = if month == 12 { days_of_date(year + 1, 1, 1) } else { days_of_date(year, month + 1, 1) };
    next - days_of_date(year, month, 1)
}

/// How an offset from UTC is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offset {
    /// `Z` stands for UTC.
    z: bool,
    colons: bool,
    /// Hours; hours and minutes; all three.
    parts: usize,
}

/// One placeholder of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    Zone(Offset),
    Fraction { separator: char, digits: usize, trim: bool },
}

/// The offsets that a layout can ask for, behind `-` or `Z`, the longest first.
const OFFSETS: [(&str, bool, usize); 5] =
    [("070000", false, 3), ("07:00:00", true, 3), ("0700", false, 2), ("07:00", true, 2), ("07", false, 1)];

/// The placeholders that are plain texts, the longest first where one starts another.
const PLAIN: [(&str, Piece); 21] = [
    ("January", Piece::LongMonth),
    ("Monday", Piece::LongWeekday),
    ("MST", Piece::ZoneName),
    ("002", Piece::ZeroYearDay),
    ("01", Piece::ZeroMonth),
    ("02", Piece::ZeroDay),
    ("03", Piece::ZeroHour12),
    ("04", Piece::ZeroMinute),
    ("05", Piece::ZeroSecond),
    ("06", Piece::Year),
    ("15", Piece::Hour),
    ("1", Piece::NumMonth),
    ("2006", Piece::LongYear),
    ("2", Piece::Day),
    ("__2", Piece::UnderYearDay),
    ("_2", Piece::UnderDay),
    ("3", Piece::Hour12),
    ("4", Piece::Minute),
    ("5", Piece::Second),
    ("PM", Piece::UpperPm),
    ("pm", Piece::LowerPm),
];

/// Literal text, the placeholder behind it, and what follows.
fn next_piece(layout: &str) -> (&str, Option<Piece>, &str) {
    for (at, _) in layout.char_indices() {
        let rest = &layout[at..];
        if let Some(after) = rest.strip_prefix("_2006") {
            return (&layout[..=at], Some(Piece::LongYear), after);
        }
        if let Some((len, piece)) = piece_at(rest) {
            return (&layout[..at], Some(piece), &rest[len..]);
        }
    }
    (layout, None, "")
}

fn piece_at(text: &str) -> Option<(usize, Piece)> {
    if let Some((name, piece)) = PLAIN.iter().find(|(name, _)| text.starts_with(name)) {
        return Some((name.len(), *piece));
    }
    for (name, piece) in [("Jan", Piece::Month), ("Mon", Piece::Weekday)] {
        if text.starts_with(name) && !text[3..].starts_with(|c: char| c.is_ascii_lowercase()) {
            return Some((3, piece));
        }
    }
    let first = text.chars().next()?;
    match first {
        '-' | 'Z' => {
            OFFSETS.iter().find(|(name, _, _)| text[1..].starts_with(name)).map(|&(name, colons, parts)| {
                (name.len() + 1, Piece::Zone(Offset { z: first == 'Z', colons, parts }))
            })
        }
        '.' | ',' => {
            let digit = *text.as_bytes().get(1).filter(|b| matches!(b, b'0' | b'9'))?;
            let digits = text[1..].bytes().take_while(|&b| b == digit).count();
            let ends = !text.as_bytes().get(1 + digits).is_some_and(u8::is_ascii_digit);
            ends.then_some((1 + digits, Piece::Fraction { separator: first, digits, trim: digit == b'9' }))
        }
        _ => None,
    }
}

/// What a layout has found in a text.
#[derive(Default)]
struct Found {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: u32,
    pm: Option<bool>,
    /// The offset, and whether it was written as `Z`.
    offset: Option<(i32, bool)>,
    zone: Option<String>,
}

/// Reads a text in a layout; `zone_of` gives offset and abbreviation at a moment where the text names no offset. None
/// where it cannot be read.
pub(super) fn parse(layout: &str, text: &str, zone_of: &dyn Fn(i64) -> (i32, String)) -> Option<Moment> {
    let mut found = Found::default();
    let mut rest_layout = layout;
    let mut rest = text;
    while !rest_layout.is_empty() {
        let (literal, piece, after) = next_piece(rest_layout);
        rest = skip_literal(literal, rest)?;
        rest_layout = after;
        if let Some(piece) = piece {
            let fraction_follows = matches!(next_piece(after), ("", Some(Piece::Fraction { .. }), _));
            rest = read_piece(piece, rest, fraction_follows, &mut found)?;
        }
    }
    if rest.is_empty() { found.moment(zone_of) } else { None }
}

/// Literal text of a layout; a run of blanks stands for any run of blanks.
fn skip_literal<'t>(literal: &str, text: &'t str) -> Option<&'t str> {
    let mut rest = text;
    for c in literal.chars() {
        if c == ' ' {
            if !rest.is_empty() && !rest.starts_with(' ') {
                return None;
            }
            rest = rest.trim_start_matches(' ');
        } else {
            rest = rest.strip_prefix(c)?;
        }
    }
    Some(rest)
}

/// Between `least` and `most` digits, and what follows.
fn number(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let len = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if len < least {
        return None;
    }
    Some((text[..len].parse().ok()?, &text[len..]))
}

fn name<'t>(text: &'t str, names: &[&str], len: Option<usize>) -> Option<(i64, &'t str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = &name[..len.unwrap_or(name.len())];
        let head = text.get(..name.len())?;
        head.eq_ignore_ascii_case(name).then(|| (index as i64, &text[name.len()..]))
    })
}

fn read_piece<'t>(piece: Piece, text: &'t str, fraction_follows: bool, found: &mut Found) -> Option<&'t str> {
    let in_range = |(value, rest): (i64, &'t str), range: std::ops::RangeInclusive<i64>| {
        range.contains(&value).then_some((value, rest))
    };
    let rest = match piece {
        Piece::LongMonth | Piece::Month => {
            let (index, rest) = name(text, &MONTHS, (piece == Piece::Month).then_some(3))?;
            found.month = Some(index + 1);
            rest
        }
        Piece::LongWeekday | Piece::Weekday => name(text, &DAYS, (piece == Piece::Weekday).then_some(3))?.1,
        Piece::NumMonth | Piece::ZeroMonth => {
            let least = if piece == Piece::ZeroMonth { 2 } else { 1 };
            let (month, rest) = in_range(number(text, least, 2)?, 1..=12)?;
            found.month = Some(month);
            rest
        }
        Piece::Day | Piece::UnderDay | Piece::ZeroDay => {
            let text = if piece == Piece::UnderDay { text.strip_prefix(' ').unwrap_or(text) } else { text };
            let (day, rest) = number(text, if piece == Piece::ZeroDay { 2 } else { 1 }, 2)?;
            found.day = Some(day);
            rest
        }
        Piece::UnderYearDay | Piece::ZeroYearDay => {
            let (day, rest) = number(text.trim_start_matches(' '), 1, 3)?;
            found.year_day = Some(day);
            rest
        }
        Piece::Hour | Piece::Hour12 | Piece::ZeroHour12 => {
            let most = if piece == Piece::Hour { 23 } else { 12 };
            let least = if piece == Piece::ZeroHour12 { 2 } else { 1 };
            let (hour, rest) = in_range(number(text, least, 2)?, 0..=most)?;
            found.hour = hour;
            rest
        }
        Piece::Minute | Piece::ZeroMinute => {
            let (minute, rest) =
                in_range(number(text, if piece == Piece::ZeroMinute { 2 } else { 1 }, 2)?, 0..=59)?;
            found.minute = minute;
            rest
        }
        Piece::Second | Piece::ZeroSecond => {
            let (second, rest) =
                in_range(number(text, if piece == Piece::ZeroSecond { 2 } else { 1 }, 2)?, 0..=59)?;
            found.second = second;
            // Digits below a second are read even where the layout does not ask for them.
            if !fraction_follows { read_fraction(rest, found).unwrap_or(rest) } else { rest }
        }
        Piece::LongYear => {
            let (year, rest) = number(text, 4, 4)?;
            found.year = Some(year);
            rest
        }
        Piece::Year => {
            let (year, rest) = number(text, 2, 2)?;
            found.year = Some(if year >= 69 { 1900 + year } else { 2000 + year });
            rest
        }
        Piece::UpperPm | Piece::LowerPm => {
            let words = if piece == Piece::UpperPm { ["AM", "PM"] } else { ["am", "pm"] };
            found.pm = Some(text.starts_with(words[1]));
            text.strip_prefix(words[0]).or_else(|| text.strip_prefix(words[1]))?
        }
        Piece::ZoneName => {
            let len = text.bytes().take_while(u8::is_ascii_uppercase).count();
            if !(3..=5).contains(&len) {
                return None;
            }
            found.zone = Some(text[..len].to_owned());
            &text[len..]
        }
        Piece::Zone(form) => read_offset(form, text, found)?,
        Piece::Fraction { trim: true, .. } => read_fraction(text, found).unwrap_or(text),
        Piece::Fraction { digits, .. } => {
            let rest = text.strip_prefix(['.', ','])?;
            let all = rest.get(..digits).filter(|all| all.bytes().all(|b| b.is_ascii_digit()))?;
            found.nanos = nanos_of(all);
            &rest[digits..]
        }
    };
    Some(rest)
}

fn nanos_of(digits: &str) -> u32 {
    format!("{:0<9}", &digits[..digits.len().min(9)]).parse().unwrap_or(0)
}

fn read_fraction<'t>(text: &'t str, found: &mut Found) -> Option<&'t str> {
    let rest = text.strip_prefix(['.', ','])?;
    let len = rest.bytes().take_while(u8::is_ascii_digit).count();
    if len == 0 {
        return None;
    }
    found.nanos = nanos_of(&rest[..len]);
    Some(&rest[len..])
}

fn read_offset<'t>(form: Offset, text: &'t str, found: &mut Found) -> Option<&'t str> {
    if form.z
        && let Some(rest) = text.strip_prefix('Z')
    {
        found.offset = Some((0, true));
        return Some(rest);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut rest = &text[1..];
    let mut seconds = 0;
    for (part, unit) in [3600, 60, 1].into_iter().enumerate().take(form.parts) {
        if part > 0 && form.colons {
            rest = rest.strip_prefix(':')?;
        }
        let (value, after) = number(rest, 2, 2)?;
        seconds += value as i32 * unit;
        rest = after;
    }
    found.offset = Some((sign * seconds, false));
    Some(rest)
}

impl Found {
    fn moment(self, zone_of: &dyn Fn(i64) -> (i32, String)) -> Option<Moment> {
        // Without a year it is year 0, as in Go.
        let year = self.year.unwrap_or(0);
        let (month, day) = match self.year_day {
            Some(year_day) if self.month.is_none() && self.day.is_none() => {
                let (of, month, day) = date_of_days(days_of_date(year, 1, 1) + year_day - 1);
                if of != year || year_day < 1 {
                    return None;
                }
                (month, day)
            }
            _ => (self.month.unwrap_or(1), self.day.unwrap_or(1)),
        };
        if day < 1 || day > days_in_month(year, month) {
            return None;
        }
        let hour = match self.pm {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let local =
            days_of_date(year, month, day) * DAY_SECONDS + hour * 3600 + self.minute * 60 + self.second;
        let nanos = self.nanos;
        if let Some((offset_seconds, z)) = self.offset {
            let seconds = local - i64::from(offset_seconds);
            let (local_offset, local_zone) = zone_of(seconds);
            let zone = match self.zone {
                _ if z => "UTC".to_owned(),
                None if local_offset == offset_seconds => local_zone,
                zone => zone.unwrap_or_default(),
            };
            return Some(Moment { seconds, nanos, offset_seconds, zone });
        }
        if let Some(zone) = self.zone {
            // An abbreviation that is not that of the zone says nothing about the offset.
            let (offset, name) = zone_of(local);
            let offset_seconds = if name == zone { offset } else { 0 };
            return Some(Moment { seconds: local - i64::from(offset_seconds), nanos, offset_seconds, zone });
        }
        // The offset that holds at the moment, looked for as in Go: first as if the time were UTC.
        let (guess, _) = zone_of(local);
        let (offset_seconds, _) = zone_of(local - i64::from(guess));
        let seconds = local - i64::from(offset_seconds);
        let (offset_seconds, zone) = zone_of(seconds);
        Some(Moment { seconds, nanos, offset_seconds, zone })
    }
}

/// Offset and abbreviation of a named zone at a moment; UTC where the zone is unknown.
pub(super) fn zone(name: &str) -> impl Fn(i64) -> (i32, String) {
    let zone = if name.is_empty() || name == "Local" { None } else { jiff::tz::TimeZone::get(name).ok() };
    move |seconds| match (&zone, jiff::Timestamp::from_second(seconds)) {
        (Some(zone), Ok(timestamp)) => {
            let info = zone.to_offset_info(timestamp);
            (info.offset().seconds(), info.abbreviation().to_owned())
        }
        _ => (0, "UTC".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(_: i64) -> (i32, String) {
        (0, "UTC".to_owned())
    }

    #[test]
    fn layouts_write() {
        let moment = Moment::of_ns(1_749_549_665_123_456_789);
        for (layout, text) in [
            ("2006-01-02T15:04:05.000Z07:00", "2025-06-10T10:01:05.123Z"),
            ("Mon Jan _2 15:04:05.999999999 2006", "Tue Jun 10 10:01:05.123456789 2025"),
            ("Monday, 02-Jan-06 MST", "Tuesday, 10-Jun-25 UTC"),
            ("02/01/06 03:04PM", "10/06/25 10:01AM"),
            ("002 _2006", "161 _2025"),
        ] {
            assert_eq!(moment.format(layout), text);
        }
        assert_eq!(moment.to_string(), "2025-06-10 10:01:05.123456789 +0000 UTC");
        assert_eq!(Moment::zero().to_string(), "0001-01-01 00:00:00 +0000 UTC");
    }

    #[test]
    fn layouts_read() {
        let read = |layout: &str, text: &str| parse(layout, text, &utc).map(|moment| moment.to_string());
        assert_eq!(read("2006-01-02", "2021-11-02").as_deref(), Some("2021-11-02 00:00:00 +0000 UTC"));
        let offset = read("02/Jan/2006:15:04:05 -0700", "10/Jun/2025:12:00:00 +0200");
        assert_eq!(offset.as_deref(), Some("2025-06-10 12:00:00 +0200 +0200"));
        assert_eq!(read("2006-01-02", "2021-02-30"), None);
        assert_eq!(read("15:04", "3pm"), None);
    }

    #[test]
    fn zones_have_summer_time() {
        let berlin = zone("Europe/Berlin");
        let moment = parse("2006-01-02T15:04:05", "2024-07-01T12:00:00", &berlin).unwrap();
        assert_eq!((moment.offset_seconds, moment.zone.as_str()), (7200, "CEST"));
    }
}
