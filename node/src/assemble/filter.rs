//! Which rows of a file are events of its reference period, and when they end.

use folkmoot_proto::codelist::EventType;
use folkmoot_proto::period::{Day, ReferencePeriod};

use crate::row::{EventKind, Row};

/// The end corrected by the death on the same row; `None` is open.
///
/// A death from start to end replaces the end. Without an end, a death after the start (not on it) becomes the end.
///
/// # Source
/// `create_FilterToEventsInPeriod_procedure.sql`
pub fn corrected_end(start: Day, end: Option<Day>, death: Option<Day>) -> Option<Day> {
    match (end, death) {
        (Some(end), Some(death)) if start <= death && death <= end => Some(death),
        (None, Some(death)) if death > start => Some(death),
        (end, _) => end,
    }
}

/// Start and corrected end ([`Day::OPEN`] when open) of a row that is an event of the period; `None` when it is not.
///
/// Services overlap the period; everything else ends in it. A row whose death is before the period or before its own
/// start is no event, nor is one without kind or start, nor anything but a service without end. An end before the start
/// is not looked at.
pub fn event_of(row: &Row, period: ReferencePeriod) -> Option<(Day, Day)> {
    let start = row.start?;
    let end = corrected_end(start, row.end, row.death);
    let overlaps = match row.event {
        EventKind::Blank => false,
        EventKind::Known(EventType::Service) => end.is_none_or(|end| end >= period.first()),
        EventKind::Known(_) | EventKind::Other => end.is_some_and(|end| period.contains(end)),
    };
    let alive = row.death.is_none_or(|death| death >= period.first() && death >= start);
    (overlaps && alive && start <= period.last()).then(|| (start, end.unwrap_or(Day::OPEN)))
}
