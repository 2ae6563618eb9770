//! Data quality: the cells of every event by field, by what the row asks of them, and by result.
//!
//! # Source
//! The national data-quality table (`create_GetDQValues_procedure.sql`, June 2026): one entry for each of 46 fields of
//! every record of the single main table. Values are left out: the codes alone are carried here.

use folkmoot_proto::catalogue::quality::module_of;
use folkmoot_proto::codelist::{CodeList, EventType};
use folkmoot_proto::period::ReferencePeriod;

use super::{COUNT, Contributions, Window};
use crate::clean::verdict::{Outcome, Status};
use crate::history::{Event, History};
use crate::row::EventKind;

pub(super) fn cells(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    // Whole events count or do not, so that the shares of all fields are about the same records. Events are by start,
    // then end, so the latest come first here.
    let most = match window.own_rows_only {
        true => usize::try_from(window.settings.number("max_events")).unwrap_or(0),
        false => usize::MAX,
    };
    for event in history.events().rev().filter(|event| belongs(*event, window.period)).take(most) {
        let Some(codes) = event.codes() else { continue };
        let kind = match event.kind() {
            EventKind::Known(kind) => kind_place(kind),
            EventKind::Other | EventKind::Blank => EventType::ALL.len(),
        };
        for (field, (status, outcome)) in codes.iter().enumerate() {
            out.one(&[module_of(field), field, status_place(status), result_place(outcome), kind], COUNT);
        }
    }
}

/// As the main table's own filter: a service that runs in the period, anything else that ends in it.
fn belongs(event: Event<'_>, period: ReferencePeriod) -> bool {
    let ends = event.end() >= period.first() && (event.is(EventType::Service) || event.end() <= period.last());
    ends && event.start() <= period.last()
}

fn kind_place(kind: EventType) -> usize {
    match kind {
        EventType::Request => 0,
        EventType::Assessment => 1,
        EventType::Service => 2,
        EventType::Review => 3,
    }
}

fn status_place(status: Status) -> usize {
    match status {
        Status::Mandatory => 0,
        Status::Applicable => 1,
        Status::NotApplicable => 2,
        Status::Undetermined => 3,
    }
}

/// The five national results; our reasons for invalid are one.
fn result_place(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Valid => 0,
        Outcome::BlankAllowed => 1,
        Outcome::BlankMandatory => 2,
        Outcome::NotListed | Outcome::Variant | Outcome::Format | Outcome::Implausible => 3,
        Outcome::Release1 => 4,
    }
}
