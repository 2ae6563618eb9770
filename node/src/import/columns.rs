//! The columns of a file, as the specification names and orders them.

use crate::clean::lists::List;

/// What a column's cells are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The council's code.
    Council,
    /// A value of a closed list.
    List(List),
    /// A text of few values that no public list holds.
    Term,
    /// A date.
    Date,
    /// An NHS number.
    NhsNumber,
    /// A council's person id.
    PersonId,
    /// A postcode.
    Postcode,
    /// The code of a GP practice.
    Practice,
    /// The id of a provider's location.
    Location,
    /// A decimal number, of pounds or of units.
    Decimal,
    /// A whole number.
    Count,
    /// Anything.
    Text,
}

/// The part of the specification a column belongs to, as the national data quality table groups them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Module {
    Submission,
    Person,
    Events,
    Requests,
    Assessments,
    Carers,
    Services,
    Reviews,
    Costs,
}

impl Module {
    /// The national name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Submission => "Submission information",
            Self::Person => "Person details",
            Self::Events => "Events (all)",
            Self::Requests => "Events (requests only)",
            Self::Assessments => "Events (assessments only)",
            Self::Carers => "Carers and linked service users",
            Self::Services => "Events (services only)",
            Self::Reviews => "Events (reviews only)",
            Self::Costs => "Costs (services only)",
        }
    }
}

macro_rules! columns {
    ($($variant:ident = $header:literal, $field:literal, $kind:expr, $module:ident, $counted:literal;)+) => {
        /// A column of the specification, in its order.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Column {
            $(#[doc = concat!("`", $header, "`")] $variant,)+
        }

        impl Column {
            /// Every column, in the specification's order.
            pub const ALL: [Self; COUNT] = [$(Self::$variant),+];

            /// The header as the specification spells it.
            pub const fn header(self) -> &'static str {
                match self { $(Self::$variant => $header),+ }
            }

            /// The field's machine name.
            pub const fn field(self) -> &'static str {
                match self { $(Self::$variant => $field),+ }
            }

            /// What its cells are.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => $kind),+ }
            }

            /// The part of the specification it belongs to.
            pub const fn module(self) -> Module {
                match self { $(Self::$variant => Module::$module),+ }
            }

            /// True for the 46 fields of the national data quality table.
            pub const fn is_counted(self) -> bool {
                match self { $(Self::$variant => $counted),+ }
            }
        }
    };
}

/// How many columns the specification has.
pub const COUNT: usize = 50;

columns! {
    LaCode = "LA Code", "la_code", Kind::Council, Submission, true;
    PeriodStart = "Reporting Period Start Date", "reporting_period_start_date", Kind::Date, Submission, true;
    PeriodEnd = "Reporting Period End Date", "reporting_period_end_date", Kind::Date, Submission, true;
    NhsNumber = "NHS Number", "nhs_number", Kind::NhsNumber, Person, true;
    PersonId = "LA Person Unique Identifier", "la_person_unique_identifier", Kind::PersonId, Person, true;
    FirstName = "First Name", "first_name", Kind::Text, Person, false;
    LastName = "Last Name", "last_name", Kind::Text, Person, false;
    PracticeName = "GP Practice Name", "gp_practice_name", Kind::Text, Person, false;
    PracticeCode = "GP Practice Code", "gp_practice_code", Kind::Practice, Person, true;
    Gender = "Gender", "gender", Kind::List(List::Gender), Person, true;
    Ethnicity = "Ethnicity", "ethnicity", Kind::List(List::Ethnicity), Person, true;
    Birth = "Date of Birth", "date_of_birth", Kind::Date, Person, true;
    Death = "Date of Death", "date_of_death", Kind::Date, Person, true;
    ClientType = "Client Type", "client_type", Kind::List(List::ClientType), Person, true;
    SupportReason = "Primary Support Reason", "primary_support_reason", Kind::List(List::SupportReason), Person, true;
    Postcode = "Postcode", "postcode", Kind::Postcode, Person, true;
    Accommodation = "Accommodation Status", "accommodation_status", Kind::List(List::Accommodation), Person, true;
    Employment = "Employment Status", "employment_status", Kind::List(List::Employment), Person, true;
    HasCarer = "Has Unpaid Carer", "has_unpaid_carer", Kind::List(List::YesNo), Person, true;
    Autism = "Autism Spectrum Disorder (ASD)", "autism_spectrum_disorder_asd", Kind::List(List::YesNo), Person, true;
    Visual = "Visual Impairment", "visual_impairment", Kind::List(List::VisualImpairment), Person, true;
    Hearing = "Hearing Impairment", "hearing_impairment", Kind::List(List::HearingImpairment), Person, true;
    Dementia = "Dementia", "dementia", Kind::List(List::YesNo), Person, true;
    Funding = "Client Funding Status", "client_funding_status", Kind::List(List::Funding), Person, true;
    EventType = "Event Type", "event_type", Kind::List(List::EventType), Events, true;
    EventReference = "Event Reference", "event_reference", Kind::Text, Events, true;
    EventStart = "Event Start Date", "event_start_date", Kind::Date, Events, true;
    EventEnd = "Event End Date", "event_end_date", Kind::Date, Events, true;
    EventDescription = "Event Description", "event_description", Kind::Text, Events, true;
    EventOutcome = "Event Outcome", "event_outcome", Kind::List(List::Outcome), Events, true;
    Route = "Request: Route of Access", "request_route_of_access", Kind::List(List::Route), Requests, true;
    AssessmentType = "Assessment Type", "assessment_type", Kind::List(List::AssessmentType), Assessments, true;
    EligibleNeeds = "Eligible Needs Identified", "eligible_needs_identified", Kind::List(List::YesNo), Assessments, true;
    AssessmentMethod = "Method of Assessment", "method_of_assessment", Kind::List(List::Method), Assessments, true;
    HoursCaring = "Total Hrs Caring per week", "total_hrs_caring_per_week", Kind::Term, Carers, true;
    AdultsCaredFor = "No. of adults being cared for", "no_of_adults_being_cared_for", Kind::Count, Carers, true;
    Linked1 = "Adult 1 Linked Person_ID", "adult_1_linked_person_id", Kind::PersonId, Carers, true;
    Linked2 = "Adult 2 Linked Person_ID", "adult_2_linked_person_id", Kind::PersonId, Carers, true;
    Linked3 = "Adult 3 Linked Person_ID", "adult_3_linked_person_id", Kind::PersonId, Carers, true;
    ServiceType = "Service Type", "service_type", Kind::List(List::ServiceType), Services, true;
    ServiceComponent = "Service Component", "service_component", Kind::List(List::Component), Services, true;
    Mechanism = "Delivery Mechanism", "delivery_mechanism", Kind::List(List::Mechanism), Services, true;
    ProviderName = "Provider CQC Location Name", "provider_cqc_location_name", Kind::Text, Services, false;
    ProviderId = "Provider CQC Location ID", "provider_cqc_location_id", Kind::Location, Services, true;
    ReviewReason = "Review Reason", "review_reason", Kind::List(List::ReviewReason), Reviews, true;
    ReviewOutcome = "Review Outcomes Achieved", "review_outcomes_achieved", Kind::List(List::ReviewOutcome), Reviews, true;
    ReviewMethod = "Method of Review", "method_of_review", Kind::List(List::Method), Reviews, true;
    UnitCost = "Unit Cost", "unit_cost", Kind::Decimal, Costs, true;
    CostFrequency = "Cost Frequency (Unit Type)", "cost_frequency_unit_type", Kind::List(List::CostFrequency), Costs, true;
    PlannedUnits = "Planned units per week", "planned_units_per_week", Kind::Decimal, Costs, true;
}

impl Column {
    /// The column's place in the specification, from 0.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// True for the two columns that release 2 seems to have dropped and for the names, which nothing here needs.
    pub fn is_optional(self) -> bool {
        !self.is_counted()
    }

    /// True when a cell's text may stand in a finding: list values, which say nothing about who a person is.
    pub fn may_show_value(self) -> bool {
        matches!(self.kind(), Kind::List(_)) || matches!(self, Self::LaCode | Self::PeriodStart | Self::PeriodEnd)
    }

    /// The column with this machine name.
    pub fn from_field(field: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.field() == field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_six_fields_are_counted_and_places_are_stable() {
        assert_eq!(Column::ALL.iter().filter(|column| column.is_counted()).count(), 46);
        for (index, column) in Column::ALL.iter().enumerate() {
            assert_eq!(column.index(), index);
            assert_eq!(Column::from_field(column.field()), Some(*column));
        }
    }

    #[test]
    fn no_value_about_who_a_person_is_may_be_shown() {
        use Column::*;
        for column in [
            NhsNumber,
            PersonId,
            FirstName,
            LastName,
            Birth,
            Death,
            Postcode,
            EventReference,
            EventDescription,
            Linked1,
            UnitCost,
        ] {
            assert!(!column.may_show_value(), "{}", column.header());
        }
    }
}
