//! What a row asks of each of its cells: mandatory, applicable, not applicable, or undetermined.
//!
//! # Source
//! The conditions published for release 1 (`DataS-DHSC/ASC-CLD-LA-Dashboard`, `create_GetDQValues_procedure.sql`,
//! February and May 2024), carried to release 2 by its value names.

use folkmoot_proto::codelist::{
    ClientType, Coded, Component, EventType, Mechanism, ReviewReason, ServiceType, SupportReason,
};
use folkmoot_proto::period::{Day, age};

use super::lists::decode;
use super::record::Record;
use super::verdict::{Status, Verdict};
use crate::import::columns::{COUNT, Column};
use crate::row::EventKind;
use Status::{Applicable, Mandatory, NotApplicable, Undetermined};

/// The status of every cell of a row. `by` is the day on which ages count when the row states no period end.
pub fn statuses(row: &Record<'_>, by: Day) -> [Status; COUNT] {
    let mut all = [Applicable; COUNT];
    let mut set = |column: Column, status: Status| all[column.index()] = status;

    let associated = row.client.is(ClientType::KnownByAssociation);
    let event = if associated { None } else { row.event_type() };
    // Without a recognised event type the conditions on it cannot be worked out, except that a carer known by
    // association has no event.
    let unknown_event = !associated && event.is_none();
    let unknown_client = row.client.value().is_none();
    let service_user = row.client.is(ClientType::ServiceUser);
    let carer = row.client.is_one_of(&[ClientType::UnpaidCarer, ClientType::KnownByAssociation]);
    let financial = !row.is_blank(Column::AssessmentType) && is_financial(row);

    for column in [
        Column::LaCode,
        Column::PeriodStart,
        Column::PeriodEnd,
        Column::NhsNumber,
        Column::PersonId,
        Column::Gender,
        Column::Ethnicity,
        Column::Birth,
        Column::ClientType,
        Column::Postcode,
        Column::Accommodation,
        Column::HasCarer,
    ] {
        set(column, Mandatory);
    }
    set(Column::SupportReason, if event == Some(EventType::Request) { Applicable } else { Mandatory });
    set(Column::Employment, if service_user && needs_employment(row, by) { Mandatory } else { Applicable });

    let for_service_users = if unknown_client {
        Undetermined
    } else if service_user {
        Applicable
    } else {
        NotApplicable
    };
    for column in [Column::Autism, Column::Visual, Column::Hearing, Column::Dementia, Column::Funding] {
        set(column, for_service_users);
    }
    if service_user {
        let mandatory = matches!(event, Some(EventType::Service | EventType::Review)) || financial;
        set(Column::Funding, if mandatory { Mandatory } else { Applicable });
    }

    let on_events = |status: Status| {
        if associated {
            NotApplicable
        } else if unknown_client && row.event == EventKind::Blank {
            Undetermined
        } else {
            status
        }
    };
    let open_allowed = event == Some(EventType::Service) && row.is_blank(Column::Death);
    set(Column::EventType, on_events(Mandatory));
    set(Column::EventReference, on_events(Applicable));
    set(Column::EventStart, on_events(Mandatory));
    set(
        Column::EventEnd,
        on_events(if unknown_event {
            Undetermined
        } else if open_allowed {
            Applicable
        } else {
            Mandatory
        }),
    );
    set(Column::EventDescription, on_events(Applicable));
    set(
        Column::EventOutcome,
        on_events(if unknown_event {
            Undetermined
        } else if financial {
            Applicable
        } else {
            Mandatory
        }),
    );

    let only = |kind: EventType, status: Status| {
        if unknown_event {
            Undetermined
        } else if event == Some(kind) {
            status
        } else {
            NotApplicable
        }
    };
    set(Column::Route, only(EventType::Request, Mandatory));
    set(Column::AssessmentType, only(EventType::Assessment, Mandatory));
    set(Column::EligibleNeeds, only(EventType::Assessment, Applicable));
    set(Column::AssessmentMethod, only(EventType::Assessment, if financial { Applicable } else { Mandatory }));

    let for_carers = if unknown_client {
        Undetermined
    } else if carer {
        Applicable
    } else {
        NotApplicable
    };
    for column in [Column::HoursCaring, Column::AdultsCaredFor, Column::Linked1, Column::Linked2, Column::Linked3] {
        set(column, for_carers);
    }

    set(Column::ServiceType, only(EventType::Service, Mandatory));
    set(Column::ServiceComponent, only(EventType::Service, Mandatory));
    for column in [Column::Mechanism, Column::ProviderName, Column::ProviderId] {
        set(column, only(EventType::Service, Applicable));
    }
    let costs = only(EventType::Service, if needs_costs(row) { Mandatory } else { Applicable });
    for column in [Column::UnitCost, Column::CostFrequency, Column::PlannedUnits] {
        set(column, costs);
    }

    set(Column::ReviewReason, only(EventType::Review, Mandatory));
    let planned = decode::<ReviewReason>(row.codes[Column::ReviewReason.index()]).is(ReviewReason::Planned);
    set(Column::ReviewOutcome, only(EventType::Review, if planned { Mandatory } else { Applicable }));
    set(Column::ReviewMethod, only(EventType::Review, Mandatory));
    all
}

/// Release 1's financial assessments carry no outcome and no method.
fn is_financial(row: &Record<'_>) -> bool {
    row.verdicts[Column::AssessmentType.index()] == Verdict::Release1Only
}

/// Employment is asked of working-age people with a learning disability.
fn needs_employment(row: &Record<'_>, by: Day) -> bool {
    decode::<SupportReason>(row.codes[Column::SupportReason.index()]).is(SupportReason::LearningDisability)
        && row.birth.is_some_and(|birth| (18..=64).contains(&age(birth.month(), row.period_end.unwrap_or(by))))
}

/// Costs are asked of long-term support, of short-term care in homes and of carers' support, unless commissioned.
fn needs_costs(row: &Record<'_>) -> bool {
    let mechanism: Coded<Mechanism> = decode(row.codes[Column::Mechanism.index()]);
    let kind: Coded<ServiceType> = decode(row.codes[Column::ServiceType.index()]);
    let component: Coded<Component> = decode(row.codes[Column::ServiceComponent.index()]);
    !mechanism.is(Mechanism::Commissioned)
        && (kind.value().is_some_and(|kind| kind.is_long_term() || kind.is_carer_support())
            || component.is_one_of(&[
                Component::ShortTermResidential,
                Component::ShortTermNursing,
                Component::CarerRespite,
            ]))
}
