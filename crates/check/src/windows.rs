//! Times of the week: maintenance and backup windows, and the schedules of backup plans.
//!
//! Services take UTC; people plan in their own time, so both are shown.

/// Minutes of a day.
const DAY: u32 = 24 * 60;
/// Minutes of a week.
const WEEK: u32 = 7 * DAY;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A time of the week that comes back every week, or every day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Minutes from Monday 00:00 UTC, or from 00:00 UTC when it is daily.
    start: u32,
    length: u32,
    daily: bool,
}

impl Window {
    /// A daily window, `17:00-18:00`, or a weekly one, `sat:18:30-sat:19:30`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (start, end) = text.trim().split_once('-')?;
        if let (Some(start), Some(end)) = (time(start), time(end)) {
            return Some(Self { start, length: distance(start, end, DAY), daily: true });
        }
        let moment = |text: &str| {
            let (day, rest) = text.split_once(':')?;
            Some(day_of(day)? * DAY + time(rest)?)
        };
        let (start, end) = (moment(start)?, moment(end)?);
        Some(Self { start, length: distance(start, end, WEEK), daily: false })
    }

    /// Whether the two have a moment in common.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.starts().any(|one| {
            other.starts().any(|two| {
                distance_to(one, two) < self.length || distance_to(two, one) < other.length
            })
        })
    }

    /// Whether a moment of the week lies inside, or less than `before` minutes before.
    pub(crate) fn contains(self, moment: u32, before: u32) -> bool {
        self.starts().any(|start| {
            distance_to(start, moment) < self.length || {
                let minutes = distance_to(moment, start);
                (1..before).contains(&minutes)
            }
        })
    }

    fn starts(self) -> impl Iterator<Item = u32> {
        let days = if self.daily { 7 } else { 1 };
        (0..days).map(move |day| self.start + day * DAY)
    }

    /// The window in local time, written as it was.
    pub(crate) fn local(self, zone: Zone) -> String {
        let (start, end) = (self.start + zone.minutes, self.start + zone.minutes + self.length);
        match self.daily {
            true => format!("{}-{}", clock(start), clock(end)),
            false => format!("{}:{}-{}:{}", day(start), clock(start), day(end), clock(end)),
        }
    }
}

/// Minutes from one time to a later one; a whole round when they are the same.
fn distance(from: u32, to: u32, round: u32) -> u32 {
    match (to + round - from) % round {
        0 => round,
        minutes => minutes,
    }
}

fn distance_to(from: u32, to: u32) -> u32 {
    (to + WEEK - from % WEEK) % WEEK
}

fn time(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn day_of(text: &str) -> Option<u32> {
    let text = text.trim();
    DAYS.iter().position(|it| it.eq_ignore_ascii_case(text)).map(|it| it as u32)
}

fn day(moment: u32) -> &'static str {
    DAYS[(moment / DAY % 7) as usize]
}

fn clock(moment: u32) -> String {
    format!("{:02}:{:02}", moment / 60 % 24, moment % 60)
}

/// A zone without summer time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    /// Its name.
    pub(crate) name: &'static str,
    /// Minutes that it is ahead of UTC.
    minutes: u32,
}

const JST: Zone = Zone { name: "JST", minutes: 9 * 60 };

/// The time in which people of a Region plan, where there is but one and no summer time.
pub(crate) fn zone(region: &str) -> Option<Zone> {
    match region {
        "ap-northeast-1" | "ap-northeast-3" => Some(JST),
        _ => None,
    }
}

/// The moments of the week, in UTC, at which a daily or weekly `cron(…)` starts.
///
/// Nothing for schedules that are not the same every week, and for zones with summer time.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
pub(crate) fn cron_starts(expression: &str, zone: Option<&str>) -> Option<Vec<u32>> {
    let ahead = match zone {
        None | Some("UTC" | "Etc/UTC" | "Etc/GMT" | "GMT") => 0,
        Some("Asia/Tokyo" | "Japan") => JST.minutes,
        Some(_) => return None,
    };
    let inner = expression.trim().strip_prefix("cron(")?.strip_suffix(')')?;
    let fields: Vec<&str> = inner.split_whitespace().collect();
    let [minute, hour, date, month, weekday, year] = fields[..] else { return None };
    if !matches!(date, "*" | "?") || month != "*" || year != "*" {
        return None;
    }
    let minutes = numbers(minute, 0, 59)?;
    let hours = numbers(hour, 0, 23)?;
    let days: Vec<u32> = match weekday {
        "*" | "?" => (0..7).collect(),
        list => list.split(',').map(cron_day).collect::<Option<Vec<_>>>()?.concat(),
    };
    let mut starts = Vec::new();
    for day in days {
        for hour in &hours {
            for minute in &minutes {
                starts.push((day * DAY + hour * 60 + minute + WEEK - ahead) % WEEK);
            }
        }
    }
    Some(starts)
}

fn numbers(field: &str, least: u32, most: u32) -> Option<Vec<u32>> {
    if field == "*" {
        return Some((least..=most).collect());
    }
    let number = |it: &str| it.parse::<u32>().ok().filter(|it| (least..=most).contains(it));
    let mut all = Vec::new();
    for part in field.split(',') {
        match part.split_once('-') {
            Some((from, to)) => all.extend(number(from)?..=number(to)?),
            None => all.push(number(part)?),
        }
    }
    Some(all)
}

/// Days of a cron field: numbers count from Sunday, which is 1.
fn cron_day(text: &str) -> Option<Vec<u32>> {
    let one = |it: &str| match it.parse::<u32>() {
        Ok(number @ 1..=7) => Some((number + 5) % 7),
        _ => day_of(it),
    };
    match text.split_once('-') {
        Some((from, to)) => {
            let (from, to) = (one(from)?, one(to)?);
            Some((0..=(to + 7 - from) % 7).map(|it| (from + it) % 7).collect())
        }
        None => Some(vec![one(text)?]),
    }
}

/// A moment of the week as text, `sun:21:00`, so many minutes ahead.
pub(crate) fn moment(at: u32, zone: Option<Zone>) -> String {
    let at = at + zone.map_or(0, |it| it.minutes);
    format!("{}:{}", day(at), clock(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str) -> Window {
        Window::parse(text).expect(text)
    }

    #[test]
    fn windows_overlap_around_midnight_and_the_week() {
        assert!(window("17:00-18:00").overlaps(window("sat:17:30-sat:18:30")));
        assert!(!window("17:00-18:00").overlaps(window("sat:18:00-sat:19:00")));
        assert!(!window("17:00-18:00").overlaps(window("sat:16:00-sat:17:00")));
        assert!(window("23:30-00:30").overlaps(window("sun:23:45-mon:00:15")));
        assert!(window("00:00-00:30").overlaps(window("sun:23:45-mon:00:15")));
        assert!(window("sun:23:45-mon:00:15").overlaps(window("mon:00:00-mon:01:00")));
        assert!(!window("01:00-02:00").overlaps(window("sun:23:45-mon:00:15")));
        assert!(Window::parse("25:00-26:00").is_none());
        assert!(Window::parse("sat-sun").is_none());
    }

    #[test]
    fn saturday_evening_is_sunday_in_japan() {
        assert_eq!(window("sat:18:30-sat:19:30").local(JST), "sun:03:30-sun:04:30");
        assert_eq!(window("sun:18:00-sun:19:00").local(JST), "mon:03:00-mon:04:00");
        assert_eq!(window("17:00-18:00").local(JST), "02:00-03:00");
    }

    #[test]
    fn schedules_are_found_in_windows() {
        let starts = cron_starts("cron(0 21 * * ? *)", None).expect("daily");
        assert_eq!(starts.len(), 7);
        let hit = |window: Window, before| starts.iter().any(|it| window.contains(*it, before));
        assert!(hit(window("20:30-21:30"), 0));
        assert!(hit(window("21:30-22:30"), 60));
        assert!(!hit(window("22:00-23:00"), 60));
        assert!(!hit(window("20:00-21:00"), 60));
        assert!(hit(window("sat:21:30-sat:22:00"), 60));
        assert_eq!(
            cron_starts("cron(0 6 ? * SUN *)", Some("Asia/Tokyo")),
            Some(vec![5 * DAY + 21 * 60])
        );
        assert_eq!(cron_starts("cron(0 0 ? * 1 *)", None), Some(vec![6 * DAY]));
        assert_eq!(cron_starts("cron(0 0 1 * ? *)", None), None);
        assert_eq!(cron_starts("rate(1 day)", None), None);
        assert_eq!(moment(5 * DAY + 21 * 60, Some(JST)), "sun:06:00");
    }
}
