//! Months and years as Japan's calendar has them: a day begins at 00:00 JST, 15:00 UTC.
//!
//! Never asks a clock; the time arrives as an argument.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};

/// Japan has one time zone and no summer time.
const AHEAD_OF_UTC: TimeDelta = TimeDelta::hours(9);

/// The day in Japan.
pub fn day(time: DateTime<Utc>) -> NaiveDate {
    (time + AHEAD_OF_UTC).date_naive()
}

/// Whole days: the first one, and the first one after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub starts_on: NaiveDate,
    /// The first day after it.
    pub ends_before: NaiveDate,
}

impl Period {
    /// The month before the one that the day lies in.
    pub fn previous_month(today: NaiveDate) -> Period {
        let ends_before = first_of_month(today);
        Period { starts_on: ends_before - Months::new(1), ends_before }
    }

    /// The year before the one that the day lies in.
    pub fn previous_year(today: NaiveDate) -> Period {
        let ends_before = first_of_month(today) - Months::new(today.month0());
        Period { starts_on: ends_before - Months::new(12), ends_before }
    }

    /// The month that a day lies in.
    pub fn month_of(day: NaiveDate) -> Period {
        let starts_on = first_of_month(day);
        Period { starts_on, ends_before: starts_on + Months::new(1) }
    }

    /// The year that a day lies in.
    pub fn year_of(day: NaiveDate) -> Period {
        let starts_on = first_of_month(day) - Months::new(day.month0());
        Period { starts_on, ends_before: starts_on + Months::new(12) }
    }

    /// The instants at which it begins and ends.
    pub fn bounds(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (midnight(self.starts_on), midnight(self.ends_before))
    }
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day - Days::new(u64::from(day.day0()))
}

/// When a day begins in Japan.
pub fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc() - AHEAD_OF_UTC
}

/// Up to which day orders are announced as falling due: three days ahead. On Saturday a day more,
/// since nobody is told anything on Sunday (`eventbridge-rules.yaml`).
pub fn due_until(today: NaiveDate) -> NaiveDate {
    today + Days::new(if today.weekday() == Weekday::Sat { 4 } else { 3 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn known_days() {
        let month = Period::previous_month(date("2028-03-01"));
        assert_eq!((month.starts_on, month.ends_before), (date("2028-02-01"), date("2028-03-01")));
        let year = Period::previous_year(date("2027-01-01"));
        assert_eq!((year.starts_on, year.ends_before), (date("2026-01-01"), date("2027-01-01")));
        // The rule fires at 17:00 UTC on the last day of a month: in Japan that is the first.
        let fired: DateTime<Utc> = "2028-02-29T17:00:00Z".parse().unwrap();
        assert_eq!(Period::previous_month(day(fired)).starts_on, date("2028-02-01"));
        assert_eq!(midnight(date("2026-11-01")).to_rfc3339(), "2026-10-31T15:00:00+00:00");
        assert_eq!(due_until(date("2026-11-28")), date("2026-12-02"));
        assert_eq!(due_until(date("2026-11-27")), date("2026-11-30"));
    }

    proptest! {
        #[test]
        fn months_tile_the_calendar(seconds in 0i64..4_102_444_800) {
            let time = DateTime::from_timestamp(seconds, 0).unwrap();
            let today = day(time);
            let month = Period::month_of(today);
            let (begin, end) = month.bounds();
            // An instant lies in the month of its day, which begins and ends on a first, in JST.
            prop_assert!(begin <= time && time < end);
            prop_assert_eq!(month.starts_on.day(), 1);
            prop_assert_eq!(month.ends_before.day(), 1);
            prop_assert_eq!(day(begin), month.starts_on);
            prop_assert_eq!(day(end - TimeDelta::seconds(1)).succ_opt(), Some(month.ends_before));
            prop_assert!((28..=31).contains(&(end - begin).num_days()));
            // The month before touches it, and so do twelve months a year.
            let before = Period::previous_month(today);
            prop_assert_eq!(before.ends_before, month.starts_on);
            prop_assert_eq!(Period::month_of(before.starts_on), before);
            let year = Period::year_of(today);
            prop_assert_eq!(year.ends_before, year.starts_on + Months::new(12));
            prop_assert_eq!(Period::previous_year(today).ends_before, year.starts_on);
            let mut next = year.starts_on;
            for _ in 0..12 {
                next = Period::month_of(next).ends_before;
            }
            prop_assert_eq!(next, year.ends_before);
        }
    }
}
