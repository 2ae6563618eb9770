//! The rules between cells, one function each, with the ids of the file specification's list (X1 to X14).
//!
//! A function answers with the column to look at when its rule is broken. X11 and X14 look across rows and live in
//! [`super::consistency`]; X12 looks at the whole file and is judged by the import.

use folkmoot_proto::codelist::{ClientType, EventType, Outcome};
use folkmoot_proto::period::Day;

use super::lists::decode;
use super::record::Record;
use super::rule::Rule;
use super::verdict::Status;
use crate::import::columns::{COUNT, Column};

/// Adds a finding for every rule that the row breaks. `received` is the day the file was handed over.
pub fn check(row: &Record<'_>, statuses: &[Status; COUNT], received: Day, findings: &mut Vec<(Column, Rule)>) {
    let single = [
        (x1(row), Rule::X1),
        (x2(row), Rule::X2),
        (x3(row), Rule::X3),
        (x4(row, received), Rule::X4),
        (x5(row), Rule::X5),
        (x6(row), Rule::X6),
        (x7(row), Rule::X7),
        (x9(row), Rule::X9),
        (x10(row), Rule::X10),
        (x13(row), Rule::X13),
    ];
    for (broken, rule) in single {
        if let Some(column) = broken {
            findings.push((column, rule));
        }
    }
    x8(row, statuses, findings);
}

/// X1: start on or before end.
fn x1(row: &Record<'_>) -> Option<Column> {
    (row.start? > row.end?).then_some(Column::EventEnd)
}

/// X2: requests, assessments and reviews ended inside the stated period.
fn x2(row: &Record<'_>) -> Option<Column> {
    if row.event_type()? == EventType::Service {
        return None;
    }
    let inside = row.end.is_some_and(|end| {
        row.period_start.is_none_or(|first| first <= end) && row.period_end.is_none_or(|last| end <= last)
    });
    (!inside).then_some(Column::EventEnd)
}

/// X3: a service overlaps the stated period.
fn x3(row: &Record<'_>) -> Option<Column> {
    if row.event_type()? != EventType::Service {
        return None;
    }
    if row.start.zip(row.period_end).is_some_and(|(start, last)| start > last) {
        return Some(Column::EventStart);
    }
    row.end.zip(row.period_start).is_some_and(|(end, first)| end < first).then_some(Column::EventEnd)
}

/// X4: no end after receipt.
fn x4(row: &Record<'_>, received: Day) -> Option<Column> {
    (row.end? > received).then_some(Column::EventEnd)
}

/// X5: no death before the event's start or the period's.
fn x5(row: &Record<'_>) -> Option<Column> {
    let death = row.death?;
    let early = |day: Option<Day>| day.is_some_and(|day| death < day);
    (early(row.start) || early(row.period_start)).then_some(Column::Death)
}

/// X6: events of people who died have ended.
fn x6(row: &Record<'_>) -> Option<Column> {
    row.death?;
    row.event_type()?;
    row.is_blank(Column::EventEnd).then_some(Column::EventEnd)
}

/// X7: born before the event, and not 115 or older at it.
fn x7(row: &Record<'_>) -> Option<Column> {
    let (birth, on) = (row.birth?, row.start.or(row.period_end)?);
    (birth > on || birth.days_until(on) * 4 / 1461 >= 115).then_some(Column::Birth)
}

/// X8: columns of other event and client types are blank.
fn x8(row: &Record<'_>, statuses: &[Status; COUNT], findings: &mut Vec<(Column, Rule)>) {
    for column in Column::ALL {
        if statuses[column.index()] == Status::NotApplicable && !row.is_blank(column) {
            findings.push((column, Rule::X8));
        }
    }
}

/// X9: a carer known by association has a linked person and no event.
fn x9(row: &Record<'_>) -> Option<Column> {
    if !row.client.is(ClientType::KnownByAssociation) {
        return None;
    }
    if row.linked.iter().all(Option::is_none) {
        return Some(Column::Linked1);
    }
    (!row.is_blank(Column::EventType)).then_some(Column::EventType)
}

/// X10: the row says who it is about.
fn x10(row: &Record<'_>) -> Option<Column> {
    (row.nhs.is_none() && row.person_id.is_none()).then_some(Column::PersonId)
}

/// X13: services open at the period's end continue.
fn x13(row: &Record<'_>) -> Option<Column> {
    if row.event_type()? != EventType::Service || row.is_blank(Column::EventOutcome) {
        return None;
    }
    let open = row.end.is_none_or(|end| row.period_end.is_some_and(|last| end > last));
    let outcome = decode::<Outcome>(row.codes[Column::EventOutcome.index()]).value()?;
    (open && outcome != Outcome::Continuation).then_some(Column::EventOutcome)
}
