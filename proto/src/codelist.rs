//! The closed lists of values of client level data, release 2: what a cell may hold once it has been cleaned.
//!
//! Both sides use them: the node codes every accepted cell with them, and the coordinator lays figures out by them.
//! A list is an enum whose order is the specification's order; that order is part of the protocol (a
//! [layout](crate::layout) counts positions in it), so values are appended, never moved.
//!
//! # Source
//! Client Level Data specification, release 2 (May 2025), as far as it is public; outcome ranks and settled
//! accommodation from the Department's published method (`DataS-DHSC/ASC-CLD-LA-Dashboard`, June 2026).

use std::fmt;
use std::hash::Hash;

/// The version of all lists together. It is part of every snapshot id and every query digest.
pub const VERSION: &str = "cld-r2-2025-05";

/// One closed list: an enum whose values have a fixed order and a label each.
pub trait CodeList: Copy + Eq + Ord + Hash + fmt::Debug + 'static {
    /// The list's machine name, as dimensions and filters use it.
    const NAME: &'static str;
    /// Every value, in the specification's order.
    const ALL: &'static [Self];
    /// The labels of [`Self::ALL`], in the same order.
    const LABELS: &'static [&'static str];
    /// The release 2 label, exactly as the specification spells it.
    fn label(self) -> &'static str;
    /// The value's position in [`Self::ALL`].
    fn index(self) -> usize;
    /// The value with exactly this label.
    fn from_label(label: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.label() == label)
    }
}

/// A cleaned cell: blank, not mapped, or a value of the list. One byte wide for every list here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Coded<T> {
    /// Nothing was held (an empty cell, or the text `NULL`).
    #[default]
    Blank,
    /// Something was held that no list explains: the national value `Invalid and not mapped`.
    Invalid,
    /// A value of the list.
    Value(T),
}

impl<T: Copy + PartialEq> Coded<T> {
    /// The value, when there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Blank | Self::Invalid => None,
        }
    }

    /// True when the cell holds exactly this value.
    pub fn is(self, value: T) -> bool {
        self == Self::Value(value)
    }

    /// True when the cell holds one of these values.
    pub fn is_one_of(self, values: &[T]) -> bool {
        self.value().is_some_and(|value| values.contains(&value))
    }
}

/// The national label of a value that no list explains.
pub const INVALID: &str = "Invalid and not mapped";

macro_rules! codelist {
    ($(#[$doc:meta])* $name:ident, $machine:literal, { $($variant:ident = $label:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name {
            $(#[doc = concat!("`", $label, "`")] $variant,)+
        }
        impl CodeList for $name {
            const NAME: &'static str = $machine;
            const ALL: &'static [Self] = &[$(Self::$variant),+];
            const LABELS: &'static [&'static str] = &[$($label),+];
            fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }
            #[inline]
            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

codelist!(
    /// What kind of thing a row is about. Cleaned by substring: see the file specification, section 1.1.
    EventType, "event_type", {
        Request = "Request",
        Assessment = "Assessment",
        Service = "Service",
        Review = "Review",
    }
);

codelist!(
    /// Whose row it is.
    ClientType, "client_type", {
        ServiceUser = "Service user",
        UnpaidCarer = "Unpaid carer",
        KnownByAssociation = "Unpaid carer known by association",
    }
);

codelist!(
    /// Gender as submitted.
    Gender, "gender", {
        Male = "Male",
        Female = "Female",
        Other = "Other",
        Unknown = "Unknown",
    }
);

codelist!(
    /// Ethnic background, the list of the 2021 Census.
    Ethnicity, "ethnicity", {
        WhiteBritish = "White: English, Welsh, Scottish, Northern Irish or British",
        WhiteIrish = "White: Irish",
        WhiteTraveller = "White: Gypsy or Irish Traveller",
        WhiteRoma = "White: Roma",
        WhiteOther = "White: Any other White background",
        MixedCaribbean = "Mixed or multiple ethnic groups: White and Black Caribbean",
        MixedAfrican = "Mixed or multiple ethnic groups: White and Black African",
        MixedAsian = "Mixed or multiple ethnic groups: White and Asian",
        MixedOther = "Mixed or multiple ethnic groups: Any other Mixed or multiple ethnic background",
        AsianIndian = "Asian or Asian British: Indian",
        AsianPakistani = "Asian or Asian British: Pakistani",
        AsianBangladeshi = "Asian or Asian British: Bangladeshi",
        AsianChinese = "Asian or Asian British: Chinese",
        AsianOther = "Asian or Asian British: Any other Asian background",
        BlackAfrican = "Black, Black British, Caribbean or African: African",
        BlackCaribbean = "Black, Black British, Caribbean or African: Caribbean",
        BlackOther = "Black, Black British, Caribbean or African: Any other Black, Black British or Caribbean background",
        OtherArab = "Other ethnic group: Arab",
        OtherAny = "Other ethnic group: Any other ethnic group",
        Refused = "No data: Refused",
        Undeclared = "No data: Undeclared or not known",
    }
);

impl Ethnicity {
    /// The ethnic group: the text before the colon.
    #[inline]
    pub fn group(self) -> EthnicGroup {
        match self {
            Self::WhiteBritish | Self::WhiteIrish | Self::WhiteTraveller | Self::WhiteRoma | Self::WhiteOther => {
                EthnicGroup::White
            }
            Self::MixedCaribbean | Self::MixedAfrican | Self::MixedAsian | Self::MixedOther => EthnicGroup::Mixed,
            Self::AsianIndian
            | Self::AsianPakistani
            | Self::AsianBangladeshi
            | Self::AsianChinese
            | Self::AsianOther => EthnicGroup::Asian,
            Self::BlackAfrican | Self::BlackCaribbean | Self::BlackOther => EthnicGroup::Black,
            Self::OtherArab | Self::OtherAny => EthnicGroup::Other,
            Self::Refused | Self::Undeclared => EthnicGroup::NoData,
        }
    }
}

codelist!(
    /// Ethnic group: the text before the colon of an [`Ethnicity`].
    EthnicGroup, "ethnic_group", {
        White = "White",
        Mixed = "Mixed or multiple ethnic groups",
        Asian = "Asian or Asian British",
        Black = "Black, Black British, Caribbean or African",
        Other = "Other ethnic group",
        NoData = "No data",
    }
);

codelist!(
    /// Where the person lives. The last two are made by the national method from services; nobody submits them.
    Accommodation, "accommodation", {
        OwnerOccupier = "Owner occupier or shared ownership scheme",
        TenantSocial = "Tenant: Local authority or other social housing provider",
        TenantPrivate = "Tenant: Private landlord",
        FamilyOrFriends = "Settled mainstream housing with family or friends",
        Supported = "Supported accommodation, supported lodgings or supported group home",
        SharedLives = "Shared Lives scheme",
        ApprovedPremises = "Approved premises for offenders released from prison or under probation supervision",
        Sheltered = "Sheltered housing, extra care housing or other sheltered housing",
        Mobile = "Mobile accommodation for Gypsy, Roma and Traveller communities",
        RoughSleeper = "Rough sleeper or squatting",
        NightShelter = "Night shelter, emergency hostel or direct access hostel",
        Refuge = "Refuge",
        TemporaryByCouncil = "Placed in temporary accommodation by the council (inc. homelessness resettlement)",
        ShortTermGuest = "Staying with family or friends as a short term guest",
        Hospital = "Acute hospital or long term healthcare residential facility",
        CareHome = "Registered care home",
        NursingHome = "Registered nursing home",
        Prison = "Prison, young offenders institution or detention centre",
        OtherTemporary = "Other temporary accommodation",
        Unknown = "Unknown",
        PresumedAtHome = "Unknown: Presumed at home",
        PresumedInCommunity = "Unknown: Presumed in community",
    }
);

impl Accommodation {
    /// Whether the status counts as living at home or with family (ASCOF 2E and LTS004).
    #[inline]
    pub fn is_settled(self) -> bool {
        (self as usize) <= (Self::Mobile as usize) || self == Self::PresumedAtHome
    }

    /// True for the two values that only the national method makes.
    pub fn is_presumed(self) -> bool {
        matches!(self, Self::PresumedAtHome | Self::PresumedInCommunity)
    }
}

codelist!(
    /// Paid work.
    Employment, "employment", {
        PaidUnder16 = "Paid: Less than 16 hours a week",
        Paid16OrMore = "Paid: 16 or more hours a week",
        PaidHoursUnknown = "Paid: Hours per week unknown",
        SeekingWork = "Not in paid employment: Seeking work",
        NotSeekingOrRetired = "Not in paid employment: Not actively seeking work or retired",
        Voluntary = "Not in paid employment: Voluntary work only",
        Unknown = "Unknown",
    }
);

codelist!(
    /// Yes, no or unknown: has an unpaid carer, autism, dementia, eligible needs.
    YesNo, "yes_no", {
        Yes = "Yes",
        No = "No",
        Unknown = "Unknown",
    }
);

codelist!(
    /// Sight.
    VisualImpairment, "visual_impairment", {
        Blind = "Blind or severely sight impaired",
        Partial = "Partial sight or sight impaired",
        None = "No visual impairment",
        SeverityUnknown = "Visual impairment: Severity unknown",
        Unknown = "Unknown",
    }
);

codelist!(
    /// Hearing.
    HearingImpairment, "hearing_impairment", {
        DeafWithSpeech = "Deaf with speech",
        DeafWithoutSpeech = "Deaf without speech",
        HardOfHearing = "Hard of hearing",
        None = "No hearing impairment",
        SeverityUnknown = "Hearing impairment: Severity unknown",
        Unknown = "Unknown",
    }
);

codelist!(
    /// Who pays.
    Funding, "client_funding", {
        FullyClient = "Fully client funded",
        Joint = "Joint client and social care funded",
        FullySocialCare = "Fully social care funded",
        Unknown = "Unknown",
    }
);

codelist!(
    /// Primary support reason.
    SupportReason, "support_reason", {
        PhysicalAccess = "Physical support: Access and mobility only",
        PhysicalPersonalCare = "Physical support: Personal care support",
        SensoryVisual = "Sensory support: Support for visual impairment",
        SensoryHearing = "Sensory support: Support for hearing impairment",
        SensoryDual = "Sensory support: Support for dual impairment",
        MemoryAndCognition = "Support with memory and cognition",
        LearningDisability = "Learning disability support",
        MentalHealth = "Mental health support",
        SubstanceMisuse = "Social support: Substance misuse support",
        AsylumSeeker = "Social support: Asylum seeker support",
        SocialIsolation = "Social support: Support for social isolation or other reason",
        UnpaidCarer = "Social support: Support to unpaid carer",
        Unknown = "Unknown",
    }
);

codelist!(
    /// How a request reached the council.
    Route, "route_of_access", {
        PlannedEntry = "Planned entry (transition)",
        DischargeFromHospital = "Discharge from hospital",
        DiversionFromHospital = "Diversion from hospital services",
        Community = "Community or other route",
        Prison = "Prison",
        SelfFunder = "Self-funder",
        DischargeFromReablement = "Discharge from reablement",
        TransferFromOtherCouncil = "Transfer from other local authority",
    }
);

codelist!(
    /// Kind of assessment. Release 1's financial assessment has no counterpart and is invalid.
    AssessmentType, "assessment_type", {
        LongTerm = "Long term assessment",
        ShortTerm = "Short term assessment",
    }
);

codelist!(
    /// Who took part in an assessment or a review.
    Method, "method", {
        CarerOnly = "Unpaid carer only",
        ServiceUserOnly = "Service user only",
        ServiceUserAndCarer = "Service user and unpaid carer",
    }
);

codelist!(
    /// What an event led to, in the national order of precedence.
    Outcome, "event_outcome", {
        Reablement = "Progress to reablement/ST-Max",
        Assessment = "Progress to assessment, review or reassessment",
        ReleaseOneOnly = "Release 1 specification only: Not mapped",
        SupportPlanning = "Progress to support planning or services",
        Continuation = "Continuation of support or services",
        AdmittedToHospital = "Admitted to hospital",
        NfaMoved = "NFA: Responsibility moved to another local authority",
        NfaNhs = "NFA: Referral to NHS services or NHS funded social care",
        NfaSelfFunded = "NFA: Self-funded client or under 12wk disregard",
        NfaInformation = "NFA: Information and advice or signposting",
        NfaOtherService = "NFA: Referral to other service within the local authority",
        NfaDeclined = "NFA: Support declined",
        NfaDeceased = "NFA: Deceased",
        NfaEndedAsPlanned = "NFA: Support ended as planned",
        NfaEndedOther = "NFA: Support ended for other reason",
        NfaNoServices = "NFA: No services offered for other reason",
        NfaOther = "NFA: Other",
    }
);

impl Outcome {
    /// Place in the national hierarchy: 1 takes precedence over 2, and so on to 17.
    #[inline]
    pub fn rank(self) -> u16 {
        self as u16 + 1
    }

    /// True for the outcomes after which the council plans nothing further.
    #[inline]
    pub fn is_nfa(self) -> bool {
        self >= Self::NfaMoved
    }
}

codelist!(
    /// What kind of support a service is.
    ServiceType, "service_type", {
        Nursing = "Long term support: Nursing care",
        Residential = "Long term support: Residential care",
        Community = "Long term support: Community",
        Prison = "Long term support: Prison",
        StMax = "Short term support: ST-Max",
        OngoingLowLevel = "Short term support: Ongoing low level",
        OtherShortTerm = "Short term support: Other short term",
        DirectToCarer = "Unpaid carer support: Direct to unpaid carer",
        InvolvingCaredFor = "Unpaid carer support: Support involving the person cared-for",
    }
);

impl ServiceType {
    /// The four long term service types.
    #[inline]
    pub fn is_long_term(self) -> bool {
        self <= Self::Prison
    }

    /// The three short term service types.
    #[inline]
    pub fn is_short_term(self) -> bool {
        matches!(self, Self::StMax | Self::OngoingLowLevel | Self::OtherShortTerm)
    }

    /// The two kinds of support to unpaid carers.
    #[inline]
    pub fn is_carer_support(self) -> bool {
        self >= Self::DirectToCarer
    }
}

codelist!(
    /// What a service consists of.
    Component, "service_component", {
        Reablement = "Reablement",
        ShortTermNursing = "Short term nursing care",
        ShortTermResidential = "Short term residential care",
        LongTermNursing = "Long term nursing care",
        LongTermResidential = "Long term residential care",
        HomeSupport = "Home support or domiciliary care",
        DaySupport = "Day support",
        Meals = "Meals",
        Transport = "Transport",
        Equipment = "Equipment",
        DirectPayment = "Direct payment",
        SharedLives = "Shared Lives",
        SupportedLiving = "Community supported living",
        ExtraCare = "Extra care housing",
        SocialWorker = "Professional support: Social worker",
        ProfessionalOther = "Professional support: Other",
        Learning = "Learning, education or employment support",
        EndOfLife = "End of life care",
        Emergency = "Emergency support",
        OtherShortTerm = "Other short term support",
        OtherLongTerm = "Other long term support",
        CarerRespite = "Unpaid carer respite",
        CarerSitting = "Unpaid carer sitting service",
        CarerUniversal = "Unpaid carer universal services",
        OtherCarer = "Other unpaid carer support",
    }
);

codelist!(
    /// How a community service is paid for and arranged.
    Mechanism, "delivery_mechanism", {
        DirectPayment = "Direct payment",
        ManagedBudget = "CASSR managed personal budget",
        Commissioned = "CASSR commissioned support",
    }
);

codelist!(
    /// Why a review was held.
    ReviewReason, "review_reason", {
        Planned = "Planned",
        UnplannedHospital = "Unplanned: Hospital (planned and unplanned episodes)",
        UnplannedCarer = "Unplanned: Unpaid carer related",
        UnplannedSafeguarding = "Unplanned: Safeguarding concern",
        UnplannedOther = "Unplanned: Other reason",
        UnplannedProvider = "Unplanned: Provider failure",
        UnplannedCommissioning = "Unplanned: Change in commissioning arrangements",
        ShortTerm = "Review of short term support",
    }
);

codelist!(
    /// How far the outcomes agreed before were achieved.
    ReviewOutcome, "review_outcomes_achieved", {
        Fully = "Fully met",
        Partially = "Partially met",
        Not = "Not met",
    }
);

codelist!(
    /// The unit that a cost is per.
    CostFrequency, "cost_frequency", {
        PerSession = "Per session",
        Hourly = "Hourly",
        Daily = "Daily",
        Weekly = "Weekly",
        Fortnightly = "Fortnightly",
        FourWeekly = "4-weekly",
        Monthly = "Monthly",
        Quarterly = "Quarterly",
        Annually = "Annually",
        OneOff = "One-off",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: CodeList>() {
        for (index, value) in T::ALL.iter().enumerate() {
            assert_eq!(value.index(), index, "{} is out of order", value.label());
            assert_eq!(T::from_label(value.label()), Some(*value));
        }
        assert_eq!(size_of::<Coded<T>>(), 1, "{} is wider than a byte", T::NAME);
    }

    #[test]
    fn every_list_is_in_order_and_one_byte_wide() {
        check::<EventType>();
        check::<ClientType>();
        check::<Gender>();
        check::<Ethnicity>();
        check::<EthnicGroup>();
        check::<Accommodation>();
        check::<Employment>();
        check::<YesNo>();
        check::<VisualImpairment>();
        check::<HearingImpairment>();
        check::<Funding>();
        check::<SupportReason>();
        check::<Route>();
        check::<AssessmentType>();
        check::<Method>();
        check::<Outcome>();
        check::<ServiceType>();
        check::<Component>();
        check::<Mechanism>();
        check::<ReviewReason>();
        check::<ReviewOutcome>();
        check::<CostFrequency>();
    }

    #[test]
    fn ranks_and_groups_follow_the_published_hierarchy() {
        assert_eq!(Outcome::Reablement.rank(), 1);
        assert_eq!(Outcome::NfaInformation.rank(), 10);
        assert_eq!(Outcome::NfaOther.rank(), 17);
        assert!(!Outcome::AdmittedToHospital.is_nfa() && Outcome::NfaMoved.is_nfa());
        assert_eq!(Ethnicity::Refused.group(), EthnicGroup::NoData);
        for value in Ethnicity::ALL {
            let group = value.label().split(':').next().expect("split yields a first part");
            assert_eq!(value.group().label(), group);
        }
    }

    #[test]
    fn nine_submitted_statuses_and_one_presumed_are_settled() {
        let settled: Vec<_> = Accommodation::ALL.iter().filter(|status| status.is_settled()).collect();
        assert_eq!(settled.len(), 10);
        assert!(!Accommodation::Unknown.is_settled() && !Accommodation::PresumedInCommunity.is_settled());
    }
}
