//! Days of the calendar, for what holds until one of them.

use std::fmt;

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// Days in 400 years, after which the calendar repeats itself.
const CYCLE: u64 = 146_097;

impl Date {
    /// The day `day` of `month`; none where the calendar has no such day.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        let exists = (1..=12).contains(&month) && (1..=length(year, month)).contains(&day);
        exists.then_some(Date { year, month, day })
    }

    /// The day, in UTC, on which so many seconds have passed since the beginning of 1970.
    pub fn of_unix_time(seconds: u64) -> Date {
        let mut days = seconds / 86_400;
        // Whoever is that far ahead has set the clock wrong; the last day there is will do.
        if days / CYCLE >= 150 {
            return Date { year: u16::MAX, month: 12, day: 31 };
        }
        let mut year = 1970 + 400 * (days / CYCLE) as u16;
        days %= CYCLE;
        while days >= days_of(year) {
            days -= days_of(year);
            year += 1;
        }
        let mut month = 1;
        while days >= u64::from(length(year, month)) {
            days -= u64::from(length(year, month));
            month += 1;
        }
        Date { year, month, day: days as u8 + 1 }
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn length(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

impl fmt::Display for Date {
    /// As `2027-03-31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `date -u -d @SECONDS +%F` tells them.
    #[test]
    fn days_of_seconds() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_806_364_800, "2027-03-30"),
            (1_798_675_200, "2026-12-31"),
            (4_107_542_400, "2100-03-01"),
            (13_574_563_200, "2400-02-29"),
            (253_402_300_799, "9999-12-31"),
        ] {
            assert_eq!(Date::of_unix_time(seconds).to_string(), day, "{seconds}");
        }
        assert!(Date::of_unix_time(u64::MAX) > Date::of_unix_time(253_402_300_800));
    }

    #[test]
    fn only_days_of_the_calendar() {
        assert_eq!(Date::new(2024, 2, 29).unwrap().to_string(), "2024-02-29");
        for (year, month, day) in
            [(2023, 2, 29), (2100, 2, 29), (2024, 4, 31), (2024, 13, 1), (2024, 1, 0)]
        {
            assert_eq!(Date::new(year, month, day), None);
        }
        assert!(Date::new(2026, 12, 31) < Date::new(2027, 1, 1));
    }
}
