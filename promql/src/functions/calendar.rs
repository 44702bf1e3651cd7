//! Dates of Unix times, in UTC. The days are counted as in Hinnant's `days_from_civil`, exact for all years.

use crate::FunctionId;

/// A time broken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date {
    year: i64,
    /// From 1.
    month: i64,
    /// From 1.
    day: i64,
    /// Since 1970-01-01.
    days: i64,
    second_of_day: i64,
}

const DAY_SECONDS: i64 = 86_400;

impl Date {
    /// The date of a Unix time in seconds.
    fn of(seconds: i64) -> Self {
        Date::of_day(seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS))
    }

    /// The date of a day, counted from 1970-01-01, and a second in it.
    fn of_day(days: i64, second_of_day: i64) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Date {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            days,
            second_of_day,
        }
    }

    fn is_leap_year(&self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }

    fn days_in_month(&self) -> i64 {
        match self.month {
            2 => 28 + i64::from(self.is_leap_year()),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn day_of_year(&self) -> i64 {
        const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        let before = BEFORE.get((self.month - 1) as usize).copied().unwrap_or(0);
        before + self.day + i64::from(self.month > 2 && self.is_leap_year())
    }

    /// What a calendar function gives for the date.
    fn part(&self, function: FunctionId) -> i64 {
        match function {
            FunctionId::DaysInMonth => self.days_in_month(),
            FunctionId::DayOfMonth => self.day,
            FunctionId::DayOfWeek => (self.days + 4).rem_euclid(7),
            FunctionId::DayOfYear => self.day_of_year(),
            FunctionId::Hour => self.second_of_day / 3_600,
            FunctionId::Minute => self.second_of_day % 3_600 / 60,
            FunctionId::Month => self.month,
            _ => self.year,
        }
    }
}

/// Days from the start of the reference's calendar, in the year -292277022399, to 1970.
const ABSOLUTE_DAYS: u64 = 106751991073400;

/// The value of a calendar function at a Unix time in seconds, which is cut to a whole number. What no whole number
/// reaches has the time of the smallest one; the reference counts seconds from the start of its calendar and wraps
/// around there, and so do we.
pub(crate) fn part_of(function: FunctionId, seconds: f64) -> f64 {
    let fits = seconds >= i64::MIN as f64 && seconds < i64::MAX as f64;
    let seconds = if fits { seconds as i64 } else { i64::MIN };
    let absolute = (seconds as u64).wrapping_add(ABSOLUTE_DAYS * DAY_SECONDS as u64);
    let days = (absolute / DAY_SECONDS as u64) as i64 - ABSOLUTE_DAYS as i64;
    let date = Date::of_day(days, (absolute % DAY_SECONDS as u64) as i64);
    date.part(function) as f64
}

/// A time as RFC 3339 writes it, to the second.
pub(crate) fn rfc3339(seconds: i64) -> String {
    let date = Date::of(seconds);
    let (hour, minute, second) =
        (date.second_of_day / 3_600, date.second_of_day % 3_600 / 60, date.second_of_day % 60);
    format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", date.year, date.month, date.day)
}

#[cfg(test)]
mod tests {
    use super::{FunctionId, part_of, rfc3339};

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
        assert_eq!(part_of(FunctionId::Minute, f64::NAN), 30.0);
        assert_eq!(part_of(FunctionId::DayOfWeek, 0.0), 4.0);
        assert_eq!(part_of(FunctionId::DayOfYear, 951_782_400.0), 60.0);
        assert_eq!(part_of(FunctionId::DaysInMonth, 951_782_400.0), 29.0);
    }
}
