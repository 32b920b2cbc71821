//! Times of the year: cron expressions as EventBridge reads them, and spans of minutes.

/// Minutes of a day.
pub(super) const DAY: i64 = 24 * 60;

/// What the time of Tokyo is ahead of UTC, in minutes. It has no summer time.
pub(super) const TOKYO: i64 = 9 * 60;

/// The first month of the years that facts look at.
const FIRST: (i64, i64) = (2026, 12);

/// So many months are looked at: two years, with a February of each length.
pub(super) const MONTHS: i64 = 24;

const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
}

impl Date {
    /// The day that is so many days after 1970-01-01.
    ///
    /// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
    pub(super) fn of_days(days: i64) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Self { year: year + era * 400 + i64::from(month <= 2), month, day }
    }

    /// The days since 1970-01-01.
    pub(super) fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let shifted_month = (self.month + 9) % 12;
        let of_year = (153 * shifted_month + 2) / 5 + self.day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// 0 for Sunday to 6 for Saturday.
    pub(super) fn weekday(self) -> i64 {
        (self.days() + 4).rem_euclid(7)
    }

    /// The day after.
    fn next(self) -> Self {
        Self::of_days(self.days() + 1)
    }

    fn is_last_of_month(self) -> bool {
        self.next().month != self.month
    }
}

/// The days that facts look at.
pub(super) fn days() -> impl Iterator<Item = Date> {
    let (year, month) = FIRST;
    let first = Date { year, month, day: 1 };
    let months = month - 1 + MONTHS;
    let end = Date { year: year + months / 12, month: months % 12 + 1, day: 1 };
    (first.days()..end.days()).map(Date::of_days)
}

/// A cron expression of six fields, for one time of the day.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
#[derive(Debug)]
pub(super) struct Cron {
    minute: i64,
    hour: i64,
    day: String,
    month: String,
    weekday: String,
    year: String,
}

impl Cron {
    /// Reads `cron(…)`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> =
            text.strip_prefix("cron(")?.strip_suffix(')')?.split_whitespace().collect();
        let [minute, hour, day, month, weekday, year] = fields[..] else { return None };
        Some(Self {
            minute: minute.parse().ok()?,
            hour: hour.parse().ok()?,
            day: day.to_owned(),
            month: month.to_owned(),
            weekday: weekday.to_owned(),
            year: year.to_owned(),
        })
    }

    /// When it fires, in minutes since 1970.
    pub(super) fn times(&self) -> Vec<i64> {
        let fires = days().filter(|it| self.fires_on(*it));
        fires.map(|it| it.days() * DAY + self.hour * 60 + self.minute).collect()
    }

    fn fires_on(&self, date: Date) -> bool {
        let last = self.day == "L" && date.is_last_of_month();
        (last || has(&self.day, date.day))
            && has(&self.month, date.month)
            && has(&self.year, date.year)
            && self.has_weekday(date)
    }

    fn has_weekday(&self, date: Date) -> bool {
        if let Some((weekday, which)) = self.weekday.split_once('#') {
            let which_of_month = (date.day - 1) / 7 + 1;
            return weekday.parse() == Ok(date.weekday() + 1)
                && which.parse() == Ok(which_of_month);
        }
        // Names are numbers, from 1 for Sunday.
        let named = WEEKDAYS.iter().enumerate();
        let numbers = named.fold(self.weekday.clone(), |text, (index, name)| {
            text.replace(name, &(index + 1).to_string())
        });
        has(&numbers, date.weekday() + 1)
    }
}

/// Whether a field has a number: `*`, `?`, numbers, ranges and lists of them.
fn has(field: &str, number: i64) -> bool {
    field.split(',').any(|part| match part.split_once('-') {
        _ if part == "*" || part == "?" => true,
        Some((from, to)) => match (from.parse::<i64>(), to.parse::<i64>()) {
            (Ok(from), Ok(to)) => (from..=to).contains(&number),
            _ => false,
        },
        None => part.parse() == Ok(number),
    })
}

/// A span of minutes since 1970; the end is outside.
pub(super) type Span = (i64, i64);

/// Two spans that have a minute in common, if any have.
pub(super) fn meeting(one: &[Span], other: &[Span]) -> Option<(Span, Span)> {
    one.iter().find_map(|a| other.iter().find(|b| a.0 < b.1 && b.0 < a.1).map(|b| (*a, *b)))
}

/// A daily or weekly window such as `17:00-18:00` or `sat:18:30-sat:19:30`, in UTC.
pub(super) fn window(text: &str) -> Option<Vec<Span>> {
    let (from, to) = text.split_once('-')?;
    let time = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        Some(hour.parse::<i64>().ok()? * 60 + minute.parse::<i64>().ok()?)
    };
    let (weekday, from) = match from.get(3..4) {
        Some(":") => (Some(from.get(..3)?.to_ascii_uppercase()), from.get(4..)?),
        _ => (None, from),
    };
    let to = if weekday.is_some() { to.get(4..)? } else { to };
    let (from, to) = (time(from)?, time(to)?);
    let length = (to - from).rem_euclid(DAY);
    let named = |it: &Date| WEEKDAYS.get(usize::try_from(it.weekday()).unwrap_or_default());
    let wanted = days().filter(|it| {
        weekday.as_deref().is_none_or(|weekday| named(it).is_some_and(|it| *it == weekday))
    });
    Some(wanted.map(|it| it.days() * DAY + from).map(|start| (start, start + length)).collect())
}

/// A time of UTC as people in Tokyo say it: `SUN 03:30`.
pub(super) fn in_tokyo(minutes: i64) -> String {
    let local = minutes + TOKYO;
    let date = Date::of_days(local.div_euclid(DAY));
    let time = local.rem_euclid(DAY);
    let weekday = usize::try_from(date.weekday()).unwrap_or_default();
    format!("{} {:02}:{:02}", WEEKDAYS[weekday], time / 60, time % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, year, month, day, weekday) in
            [(0, 1970, 1, 1, 4), (20_781, 2026, 11, 24, 2), (21_243, 2028, 2, 29, 2)]
        {
            let date = Date { year, month, day };
            assert_eq!((date.days(), Date::of_days(days), date.weekday()), (days, date, weekday));
        }
        assert_eq!(days().count(), 731);
    }

    #[test]
    fn cron_is_read_as_eventbridge_reads_it() {
        let count = |text| Cron::parse(text).map(|it| it.times().len());
        assert_eq!(count("cron(0 17 L * ? *)"), Some(24));
        assert_eq!(count("cron(0 17 31 12 ? *)"), Some(2));
        assert_eq!(count("cron(0 20 ? * 7#1 *)"), Some(24));
        assert_eq!(count("cron(0 23 ? * SUN-FRI *)"), Some(731 - 104));
        assert_eq!(count("cron(0 21 * * ? *)"), Some(731));
        assert_eq!(count("rate(1 day)"), None);
        let first = Cron::parse("cron(30 18 ? * SAT *)").map(|it| in_tokyo(it.times()[0]));
        assert_eq!(first.as_deref(), Some("SUN 03:30"));
    }

    #[test]
    fn windows_meet_or_not() {
        let daily = window("23:30-00:30").unwrap();
        assert_eq!(daily[0].1 - daily[0].0, 60);
        let weekly = window("sat:18:30-sat:19:30").unwrap();
        assert_eq!(in_tokyo(weekly[0].0), "SUN 03:30");
        assert!(meeting(&weekly, &window("19:00-20:00").unwrap()).is_some());
        assert!(meeting(&weekly, &window("19:30-20:00").unwrap()).is_none());
        assert!(window("none").is_none());
    }
}
