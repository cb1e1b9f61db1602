//! A local day: what `date=` means in every path of the lake.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

/// One calendar date in one time zone; it lasts 23, 24 or 25 hours (now and then something else).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    date: NaiveDate,
    time_zone: Tz,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

/// Why a text is not a date.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DayError {
    /// Not `YYYY-MM-DD`, or no such day in the calendar.
    #[error("`{0}` is not a date: write it as YYYY-MM-DD, such as 2026-11-22")]
    NotADate(String),
}

impl Day {
    /// The day `date` in `time_zone`.
    #[must_use]
    pub fn new(date: NaiveDate, time_zone: Tz) -> Self {
        let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
        let (start, end) = (first_instant(date, time_zone), first_instant(next, time_zone));
        Self { date, time_zone, start, end }
    }

    /// The local day in which `instant` falls.
    #[must_use]
    pub fn of(instant: DateTime<Utc>, time_zone: Tz) -> Self {
        Self::new(instant.with_timezone(&time_zone).date_naive(), time_zone)
    }

    /// The calendar date.
    #[must_use]
    pub fn date(self) -> NaiveDate {
        self.date
    }

    /// The time zone whose clocks define the day.
    #[must_use]
    pub fn time_zone(self) -> Tz {
        self.time_zone
    }

    /// The first instant of the day, in UTC.
    #[must_use]
    pub fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// The first instant of the next day, in UTC: the day is `start()..end()`.
    #[must_use]
    pub fn end(self) -> DateTime<Utc> {
        self.end
    }

    /// How long the day lasts: 23, 24 or 25 hours where clocks change by one hour.
    #[must_use]
    pub fn length(self) -> TimeDelta {
        self.end - self.start
    }

    /// Whether `instant` falls in this day.
    #[must_use]
    pub fn contains(self, instant: DateTime<Utc>) -> bool {
        self.start <= instant && instant < self.end
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        Self::new(self.date.checked_add_days(Days::new(1)).unwrap_or(self.date), self.time_zone)
    }

    /// The day before.
    #[must_use]
    pub fn previous(self) -> Self {
        Self::new(self.date.checked_sub_days(Days::new(1)).unwrap_or(self.date), self.time_zone)
    }
}

/// Reads `YYYY-MM-DD`, and nothing that merely resembles it.
///
/// # Errors
/// [`DayError::NotADate`] with the text and the right form.
pub fn parse_date(text: &str) -> Result<NaiveDate, DayError> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|date| date.to_string() == text)
        .ok_or_else(|| DayError::NotADate(text.to_owned()))
}

/// Midnight where it exists; where clocks jump over it, the instant they jump at.
fn first_instant(date: NaiveDate, time_zone: Tz) -> DateTime<Utc> {
    let midnight = NaiveDateTime::from(date);
    (0..=24 * 4)
        .find_map(|quarters| {
            let local = midnight + TimeDelta::minutes(15 * quarters);
            time_zone.from_local_datetime(&local).earliest()
        })
        .map_or_else(|| midnight.and_utc(), |instant| instant.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America, Asia, Europe};

    fn day(text: &str, time_zone: Tz) -> Day {
        Day::new(parse_date(text).unwrap(), time_zone)
    }

    #[test]
    fn paris_has_days_of_23_24_and_25_hours() {
        let hours = |text| day(text, Europe::Paris).length().num_hours();
        assert_eq!((hours("2026-03-29"), hours("2026-06-01"), hours("2026-10-25")), (23, 24, 25));
    }

    #[test]
    fn a_day_begins_at_local_midnight_in_utc() {
        // Worked out by hand: Paris is UTC+1 in winter, Kolkata UTC+5:30 all year.
        assert_eq!(
            day("2026-02-10", Europe::Paris).start().to_rfc3339(),
            "2026-02-09T23:00:00+00:00"
        );
        assert_eq!(
            day("2026-02-10", Asia::Kolkata).start().to_rfc3339(),
            "2026-02-09T18:30:00+00:00"
        );
    }

    #[test]
    fn where_midnight_does_not_exist_the_day_begins_when_the_clocks_jump() {
        // Santiago's clocks went from 2023-09-02 24:00 (UTC-4) straight to 01:00 (UTC-3).
        let spring = day("2023-09-03", America::Santiago);
        assert_eq!(spring.start().to_rfc3339(), "2023-09-03T04:00:00+00:00");
        assert_eq!(spring.length().num_hours(), 23);
        assert_eq!(spring.previous().end(), spring.start());
    }

    #[test]
    fn an_instant_belongs_to_the_local_date() {
        let instant = "2023-05-14T02:00:00Z".parse().unwrap();
        assert_eq!(Day::of(instant, America::Los_Angeles).date().to_string(), "2023-05-13");
        assert!(Day::of(instant, America::Los_Angeles).contains(instant));
    }

    #[test]
    fn only_the_one_form_of_a_date_is_read() {
        for wrong in
            ["2026-2-1", "2026-02-30", "20260201", "today", "", " 2026-02-01", "2026-02-01T00:00"]
        {
            assert_eq!(parse_date(wrong), Err(DayError::NotADate(wrong.to_owned())), "{wrong}");
        }
        assert_eq!(parse_date("2026-02-01").unwrap().to_string(), "2026-02-01");
    }
}
