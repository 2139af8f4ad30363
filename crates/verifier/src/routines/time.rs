//! Time. It moves on with the instructions that are run and where the driver waits.

use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::space::places;
use crate::stop::Answer;

pub(super) const ROUTINES: &[Entry] = &[
    entry("KeQuerySystemTime", 1, system_time),
    entry("KeQuerySystemTimePrecise", 1, system_time),
    entry("KeQueryTickCount", 1, tick_count),
    entry("KeQueryTimeIncrement", 0, increment),
    entry("KeQueryInterruptTime", 0, interrupt_time),
    entry("KeQueryInterruptTimePrecise", 1, interrupt_time_precise),
    entry("KeQueryUnbiasedInterruptTime", 0, interrupt_time),
    entry("KeQueryPerformanceCounter", 1, performance_counter),
    entry("KeStallExecutionProcessor", 1, stall),
    entry("ExSystemTimeToLocalTime", 2, same_time),
    entry("ExLocalTimeToSystemTime", 2, same_time),
    entry("RtlTimeToTimeFields", 2, fields),
    entry("RtlTimeFieldsToTime", 2, from_fields),
];

/// Instructions in a unit of 100 ns, about.
const PER_UNIT: u64 = 300;
/// Units in a tick.
const TICK: u64 = 156_250;

impl Kernel<'_> {
    /// Time now, with what was run since it was last moved on.
    fn now(&self) -> u64 {
        self.clock + self.used() / PER_UNIT
    }
}

fn system_time(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let time = kernel.system_time() + kernel.now() - kernel.clock;
    kernel.put_u64(call.at(0), time)?;
    Ok(time)
}

fn tick_count(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let ticks = kernel.now() / TICK;
    kernel.put_u64(call.at(0), ticks)?;
    Ok(ticks)
}

fn increment(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(TICK)
}

fn interrupt_time(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(kernel.now())
}

fn interrupt_time_precise(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let now = kernel.now();
    kernel.put_optional(call.at(0), &now.to_le_bytes())?;
    Ok(now)
}

/// Ten million a second, as on Windows 10 and later.
fn performance_counter(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_optional(call.at(0), &10_000_000_u64.to_le_bytes())?;
    Ok(kernel.now())
}

fn stall(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let until = kernel.clock.saturating_add(10 * u64::from(call.u32(0)));
    kernel.clock = until.min(crate::waiting::LATEST);
    kernel.tick();
    Ok(0)
}

/// The time zone is that of Greenwich.
fn same_time(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let time = kernel.u64(call.at(0))?;
    kernel.put_u64(call.at(1), time)?;
    Ok(0)
}

const SECOND: u64 = 10_000_000;
const DAY: u64 = 86_400 * SECOND;

/// Days from 1 January 1601 to the first of March of a year that is counted from March on.
fn days_before(year: i64) -> i64 {
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400)
}

/// Year, month and day of a day counted from 1 January 1601.
fn date(days: u64) -> (u16, u16, u16) {
    // Count from 1 March of year 0, so that leap days come last.
    let days = days as i64 + days_before(1600) + 306;
    let mut year = days * 400 / 146_097;
    while days_before(year) > days {
        year -= 1;
    }
    while days_before(year + 1) <= days {
        year += 1;
    }
    let of_year = days - days_before(year);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, year) } else { (month - 9, year + 1) };
    (year as u16, month as u16, day as u16)
}

/// TIME_FIELDS: year, month, day, hour, minute, second, milliseconds, weekday.
fn fields(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let time = kernel.u64(call.at(0))?;
    let (year, month, day) = date(time / DAY);
    let of_day = time % DAY / 10_000;
    // 1 January 1601 was a Monday.
    let weekday = (time / DAY + 1) % 7;
    let clock =
        [of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60, of_day % 1000, weekday];
    let all = [year, month, day].into_iter().chain(clock.map(|part| part as u16));
    for (value, at) in all.zip(places(call.at(1), 2)) {
        kernel.put_u16(at, value)?;
    }
    Ok(0)
}

fn from_fields(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let field = |index: u64| kernel.u16(call.at(0).wrapping_add(2 * index)).map(i64::from);
    let (year, month, day) = (field(0)?, field(1)?, field(2)?);
    if !(1601..=30827).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Ok(0);
    }
    let (from_march, year) = if month > 2 { (month - 3, year) } else { (month + 9, year - 1) };
    let days = days_before(year) + (153 * from_march + 2) / 5 + day - 1 - days_before(1600) - 306;
    let of_day = (field(3)? * 3600 + field(4)? * 60 + field(5)?) * 1000 + field(6)?;
    let time = days.max(0) as u64 * DAY + of_day as u64 * 10_000;
    kernel.put_u64(call.at(1), time)?;
    Ok(1)
}

#[cfg(test)]
mod tests {
    use super::date;

    /// Days counted by hand: 1601 to 2000 are 400 years less one, 2000 and 2024 are leap years.
    #[test]
    fn days_are_dates() {
        assert_eq!(date(0), (1601, 1, 1));
        assert_eq!(date(365), (1602, 1, 1));
        assert_eq!(date(145_731 + 59), (2000, 2, 29));
        assert_eq!(date(145_731 + 60), (2000, 3, 1));
    }
}
