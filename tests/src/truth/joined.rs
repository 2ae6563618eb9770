//! The joined table: which file stands for which quarter, which rows count in it, and which of several versions of an event stays.

use jiff::civil::Date;
use jiff::{Span, ToSpan};

use super::lists;
use super::read::{File, Row};

/// How two rows are recognised as the same event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// By the values as they stand in the files (the method of June 2026).
    Raw,
    /// By release 2 values (the method from about July 2026).
    Cleaned,
}

/// One council's joined table.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Its code.
    pub council: String,
    /// First and last day of all quarters together.
    pub window: (Date, Date),
    /// One row for each event.
    pub rows: Vec<Row>,
}

fn add(date: Date, span: Span) -> Date {
    date.checked_add(span).expect("periods lie within a few centuries of today")
}

/// The first day of the quarter that follows the one starting on `start`.
fn next_quarter(start: Date) -> Date {
    add(start, 3.months())
}

/// The period that a file's end dates show it to cover; `None` when no month qualifies.
pub fn derived_period(file: &File) -> Option<(Date, Date)> {
    let first_of_import_month = file.received.first_of_month();
    let mut months: Vec<Date> = Vec::new();
    for row in &file.rows {
        if let Some(end) = row.raw_end
            && end < first_of_import_month
            && !months.contains(&end.first_of_month())
        {
            months.push(end.first_of_month());
        }
    }
    months.sort();
    let mut counts = Vec::new();
    for month in months {
        let mut rows = 0;
        let mut types: Vec<&str> = Vec::new();
        for row in &file.rows {
            if row.raw_end.is_some_and(|end| end < first_of_import_month && end.first_of_month() == month) {
                rows += 1;
                let known = ["Request", "Assessment", "Service", "Review"].contains(&row.event_type.as_str());
                if known && !types.contains(&row.event_type.as_str()) {
                    types.push(&row.event_type);
                }
            }
        }
        counts.push((month, rows, types.len()));
    }
    let all: usize = counts.iter().map(|(_, rows, _)| rows).sum();
    let most = counts.iter().map(|(_, _, types)| *types).max()?;
    let mut kept = Vec::new();
    for (month, rows, types) in counts {
        if all < 100 || (100 * rows >= 2 * all && types + 1 >= most) {
            kept.push(month);
        }
    }
    Some((*kept.first()?, kept.last()?.last_of_month()))
}

/// All quarters that some file received by `as_of` covers: first day of the first, last day of the last.
pub fn quarters_held(files: &[File], as_of: Date) -> Option<(Date, Date)> {
    let mut first: Option<Date> = None;
    let mut last: Option<Date> = None;
    for file in files {
        let Some((start, end)) = derived_period(file).filter(|_| file.received <= as_of) else {
            continue;
        };
        let mut quarter = start;
        while quarter.month() % 3 != 1 {
            quarter = add(quarter, 1.month());
        }
        while add(next_quarter(quarter), (-1).days()) <= end {
            let quarter_end = add(next_quarter(quarter), (-1).days());
            if file.received > quarter_end {
                first = Some(first.map_or(quarter, |first| first.min(quarter)));
                last = Some(last.map_or(quarter_end, |last| last.max(quarter_end)));
            }
            quarter = next_quarter(quarter);
        }
    }
    Some((first?, last?))
}

/// Joins a council's files into one table for `window`, as known on `as_of`.
pub fn join(council: &str, files: &[File], as_of: Date, window: (Date, Date), keys: Keys) -> Joined {
    // Which file stands for each quarter: the latest received of those that cover it.
    let periods: Vec<Option<(Date, Date)>> = files.iter().map(derived_period).collect();
    let mut references: Vec<Option<(Date, Date)>> = vec![None; files.len()];
    let mut quarter = window.0;
    while add(next_quarter(quarter), (-1).days()) <= window.1 {
        let quarter_end = add(next_quarter(quarter), (-1).days());
        let mut chosen: Option<usize> = None;
        for (index, file) in files.iter().enumerate() {
            let covers = periods[index].is_some_and(|(start, end)| start <= quarter && end >= quarter_end);
            if covers
                && file.received > quarter_end
                && file.received <= as_of
                && chosen.is_none_or(|best| file.received >= files[best].received)
            {
                chosen = Some(index);
            }
        }
        if let Some(index) = chosen {
            references[index] = Some(match references[index] {
                None => (quarter, quarter_end),
                Some((start, end)) => (start.min(quarter), end.max(quarter_end)),
            });
        }
        quarter = next_quarter(quarter);
    }
    // The rows that count in what their file stands for.
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|&index| files[index].received);
    let mut rows = Vec::new();
    let mut record = 0;
    for index in order {
        for row in &files[index].rows {
            record += 1;
            let Some(reference) = references[index] else {
                continue;
            };
            let mut row = row.clone();
            row.record = record;
            row.reference = Some(reference);
            row.end = corrected_end(&row);
            if !row.person.is_empty() && counts(&row, reference) {
                rows.push(row);
            }
        }
    }
    unique(council, window, rows, |row| key(row, keys))
}

/// The table of one file: the latest received by `as_of` that covers the twelve months that end on `last`; `None` without one.
/// Lines of a service that differ in mechanism or cost are services of their own here, and nothing is cropped.
pub fn single(council: &str, files: &[File], as_of: Date, last: Date, keys: Keys) -> Option<Joined> {
    let first = add(add(last, 1.day()), (-12).months());
    let mut chosen: Option<&File> = None;
    for file in files {
        let covers = derived_period(file).is_some_and(|(start, end)| start <= first && end >= last);
        let in_time = file.received > last && file.received <= as_of;
        if covers && in_time && chosen.is_none_or(|best| file.received >= best.received) {
            chosen = Some(file);
        }
    }
    let mut rows = Vec::new();
    for (record, row) in chosen?.rows.iter().enumerate() {
        let mut row = row.clone();
        row.record = record + 1;
        row.reference = Some((first, last));
        row.end = corrected_end(&row);
        if !row.person.is_empty() && counts(&row, (first, last)) {
            rows.push(row);
        }
    }
    let key = |row: &Row| {
        let common = key(row, keys);
        match row.event_type.as_str() {
            "Service" => {
                format!("{common}|{}|{:?}|{}|{:?}", row.mechanism, row.unit_cost, row.frequency, row.units)
            }
            _ => common,
        }
    };
    Some(unique(council, (first, last), rows, key))
}

/// The end of an event, moved to the day of death where the person died during it.
fn corrected_end(row: &Row) -> Option<Date> {
    match (row.start, row.death, row.raw_end) {
        (Some(start), Some(death), Some(end)) if start <= death && death <= end => Some(death),
        (Some(start), Some(death), None) if death > start => Some(death),
        (_, _, end) => end,
    }
}

/// Whether a row belongs in the period its file stands for.
fn counts(row: &Row, (first, last): (Date, Date)) -> bool {
    let Some(start) = row.start else {
        return false;
    };
    if row.event_type.is_empty() {
        return false;
    }
    if row.death.is_some_and(|death| death < first || death < start) {
        return false;
    }
    if start > last {
        return false;
    }
    if row.event_type == "Service" {
        row.end.is_none_or(|end| end >= first)
    } else {
        row.end.is_some_and(|end| end >= first && end <= last)
    }
}

/// What identifies an event, written out as text.
fn key(row: &Row, keys: Keys) -> String {
    let [client, route, assessment, service, component] = match keys {
        Keys::Raw => row.raw.each_ref().map(String::as_str),
        Keys::Cleaned => [
            row.client_type.as_str(),
            row.route.as_str(),
            row.assessment_type.as_str(),
            row.service_type.as_str(),
            row.component.as_str(),
        ],
    };
    // Event types count as cleaned, so all texts that name none of the four kinds are one.
    let known = ["Request", "Assessment", "Service", "Review"].contains(&row.event_type.as_str());
    let kind = if known { row.event_type.as_str() } else { "" };
    let common = format!("{}|{kind}|{:?}|{client}", row.person, row.start);
    match row.event_type.as_str() {
        "Service" => format!("{common}|{service}|{component}"),
        "Request" => format!("{common}|{:?}|{route}", row.end),
        "Assessment" => format!("{common}|{:?}|{assessment}", row.end),
        _ => format!("{common}|{:?}", row.end),
    }
}

/// Crops services that a later file no longer has, and keeps one row for each event.
fn unique(council: &str, window: (Date, Date), rows: Vec<Row>, key: impl Fn(&Row) -> String) -> Joined {
    let mut keyed: Vec<(String, Row)> = rows.into_iter().map(|row| (key(&row), row)).collect();
    keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    let latest_start = keyed.iter().filter_map(|(_, row)| row.reference).map(|(first, _)| first).max();
    let mut kept: Vec<Row> = Vec::new();
    let mut from = 0;
    while from < keyed.len() {
        let mut to = from;
        while to < keyed.len() && keyed[to].0 == keyed[from].0 {
            to += 1;
        }
        let starts: Vec<Date> =
            keyed[from..to].iter().filter_map(|(_, row)| row.reference).map(|(first, _)| first).collect();
        let mut same: Vec<Row> = Vec::new();
        for (_, row) in &keyed[from..to] {
            let mut row = row.clone();
            if let Some((first, last)) = row.reference
                && Some(first) != latest_start
                && row.event_type == "Service"
                && row.end.is_none_or(|end| end > last)
                && !starts.contains(&add(last, 1.day()))
            {
                row.end = Some(last);
            }
            same.push(row);
        }
        same.sort_by_key(|row| {
            let reference_end = row.reference.map(|(_, last)| last);
            (
                std::cmp::Reverse(reference_end),
                std::cmp::Reverse(row.end.unwrap_or(Date::MAX)),
                outcome_rank(&row.outcome),
                !row.conversation,
                std::cmp::Reverse(row.record),
            )
        });
        kept.push(same.remove(0));
        from = to;
    }
    kept.sort_by_key(|row| row.record);
    Joined { council: council.to_owned(), window, rows: kept }
}

/// Place in the national hierarchy of outcomes; 999 for none.
pub(super) fn outcome_rank(outcome: &str) -> usize {
    lists::OUTCOME.iter().position(|(text, _)| *text == outcome).map_or(999, |position| position + 1)
}
