//! The values of the file specification, as the generator writes them: release 2 labels, and the release 1 forms that dirty files
//! still carry. These tables are the generator's own on purpose; the product has others.

/// The 50 column names of a release 2 file, in the order of the specification.
pub const HEADERS: [&str; 50] = [
    "LA Code",
    "Reporting Period Start Date",
    "Reporting Period End Date",
    "NHS Number",
    "LA Person Unique Identifier",
    "First Name",
    "Last Name",
    "GP Practice Name",
    "GP Practice Code",
    "Gender",
    "Ethnicity",
    "Date of Birth",
    "Date of Death",
    "Client Type",
    "Primary Support Reason",
    "Postcode",
    "Accommodation Status",
    "Employment Status",
    "Has Unpaid Carer",
    "Autism Spectrum Disorder (ASD)",
    "Visual Impairment",
    "Hearing Impairment",
    "Dementia",
    "Client Funding Status",
    "Event Type",
    "Event Reference",
    "Event Start Date",
    "Event End Date",
    "Event Description",
    "Event Outcome",
    "Request: Route of Access",
    "Assessment Type",
    "Eligible Needs Identified",
    "Method of Assessment",
    "Total Hrs Caring per week",
    "No. of adults being cared for",
    "Adult 1 Linked Person_ID",
    "Adult 2 Linked Person_ID",
    "Adult 3 Linked Person_ID",
    "Service Type",
    "Service Component",
    "Delivery Mechanism",
    "Provider CQC Location Name",
    "Provider CQC Location ID",
    "Review Reason",
    "Review Outcomes Achieved",
    "Method of Review",
    "Unit Cost",
    "Cost Frequency (Unit Type)",
    "Planned units per week",
];

/// Positions in a row, named after [`HEADERS`].
#[allow(missing_docs)] // each is the header of the same name
pub mod column {
    pub const LA_CODE: usize = 0;
    pub const PERIOD_START: usize = 1;
    pub const PERIOD_END: usize = 2;
    pub const NHS_NUMBER: usize = 3;
    pub const PERSON_ID: usize = 4;
    pub const FIRST_NAME: usize = 5;
    pub const LAST_NAME: usize = 6;
    pub const GP_NAME: usize = 7;
    pub const GP_CODE: usize = 8;
    pub const GENDER: usize = 9;
    pub const ETHNICITY: usize = 10;
    pub const BIRTH: usize = 11;
    pub const DEATH: usize = 12;
    pub const CLIENT_TYPE: usize = 13;
    pub const SUPPORT_REASON: usize = 14;
    pub const POSTCODE: usize = 15;
    pub const ACCOMMODATION: usize = 16;
    pub const EMPLOYMENT: usize = 17;
    pub const HAS_CARER: usize = 18;
    pub const AUTISM: usize = 19;
    pub const VISUAL: usize = 20;
    pub const HEARING: usize = 21;
    pub const DEMENTIA: usize = 22;
    pub const FUNDING: usize = 23;
    pub const EVENT_TYPE: usize = 24;
    pub const EVENT_REFERENCE: usize = 25;
    pub const EVENT_START: usize = 26;
    pub const EVENT_END: usize = 27;
    pub const DESCRIPTION: usize = 28;
    pub const OUTCOME: usize = 29;
    pub const ROUTE: usize = 30;
    pub const ASSESSMENT_TYPE: usize = 31;
    pub const ELIGIBLE_NEEDS: usize = 32;
    pub const ASSESSMENT_METHOD: usize = 33;
    pub const CARING_HOURS: usize = 34;
    pub const CARED_FOR: usize = 35;
    pub const LINKED: [usize; 3] = [36, 37, 38];
    pub const SERVICE_TYPE: usize = 39;
    pub const COMPONENT: usize = 40;
    pub const MECHANISM: usize = 41;
    pub const PROVIDER_NAME: usize = 42;
    pub const PROVIDER_ID: usize = 43;
    pub const REVIEW_REASON: usize = 44;
    pub const OUTCOMES_ACHIEVED: usize = 45;
    pub const REVIEW_METHOD: usize = 46;
    pub const UNIT_COST: usize = 47;
    pub const COST_FREQUENCY: usize = 48;
    pub const PLANNED_UNITS: usize = 49;
}

/// Ethnicities with their share in parts of 10,000 among people with care, as generated.
pub(super) const ETHNICITIES: [(&str, u32); 21] = [
    ("White: English, Welsh, Scottish, Northern Irish or British", 7450),
    ("White: Irish", 110),
    ("White: Gypsy or Irish Traveller", 15),
    ("White: Roma", 10),
    ("White: Any other White background", 330),
    ("Mixed or multiple ethnic groups: White and Black Caribbean", 80),
    ("Mixed or multiple ethnic groups: White and Black African", 40),
    ("Mixed or multiple ethnic groups: White and Asian", 50),
    ("Mixed or multiple ethnic groups: Any other Mixed or multiple ethnic background", 60),
    ("Asian or Asian British: Indian", 220),
    ("Asian or Asian British: Pakistani", 230),
    ("Asian or Asian British: Bangladeshi", 100),
    ("Asian or Asian British: Chinese", 40),
    ("Asian or Asian British: Any other Asian background", 120),
    ("Black, Black British, Caribbean or African: African", 170),
    ("Black, Black British, Caribbean or African: Caribbean", 190),
    ("Black, Black British, Caribbean or African: Any other Black, Black British or Caribbean background", 70),
    ("Other ethnic group: Arab", 35),
    ("Other ethnic group: Any other ethnic group", 120),
    ("No data: Refused", 60),
    ("No data: Undeclared or not known", 500),
];

/// Where people without a care home live, with weights. All but the last three are settled.
pub(super) const AT_HOME: [(&str, u32); 9] = [
    ("Owner occupier or shared ownership scheme", 420),
    ("Tenant: Local authority or other social housing provider", 300),
    ("Tenant: Private landlord", 90),
    ("Settled mainstream housing with family or friends", 80),
    ("Sheltered housing, extra care housing or other sheltered housing", 70),
    ("Mobile accommodation for Gypsy, Roma and Traveller communities", 3),
    ("Placed in temporary accommodation by the council (inc. homelessness resettlement)", 12),
    ("Other temporary accommodation", 8),
    ("Acute hospital or long term healthcare residential facility", 10),
];

/// Where people with a learning disability and no care home live, with weights.
pub(super) const AT_HOME_LEARNING_DISABILITY: [(&str, u32); 6] = [
    ("Settled mainstream housing with family or friends", 400),
    ("Supported accommodation, supported lodgings or supported group home", 350),
    ("Tenant: Local authority or other social housing provider", 150),
    ("Shared Lives scheme", 50),
    ("Tenant: Private landlord", 40),
    ("Staying with family or friends as a short term guest", 10),
];

/// Accommodation statuses that count as living at home or with family.
pub(super) const SETTLED: [&str; 9] = [
    "Owner occupier or shared ownership scheme",
    "Tenant: Local authority or other social housing provider",
    "Tenant: Private landlord",
    "Settled mainstream housing with family or friends",
    "Supported accommodation, supported lodgings or supported group home",
    "Shared Lives scheme",
    "Approved premises for offenders released from prison or under probation supervision",
    "Sheltered housing, extra care housing or other sheltered housing",
    "Mobile accommodation for Gypsy, Roma and Traveller communities",
];

pub(super) const CARE_HOME: &str = "Registered care home";
pub(super) const NURSING_HOME: &str = "Registered nursing home";
pub(super) const PRISON_HOME: &str = "Prison, young offenders institution or detention centre";
pub(super) const SUPPORTED_HOME: &str = "Supported accommodation, supported lodgings or supported group home";
pub(super) const EXTRA_CARE_HOME: &str = "Sheltered housing, extra care housing or other sheltered housing";
pub(super) const SHARED_LIVES_HOME: &str = "Shared Lives scheme";
pub(super) const UNKNOWN: &str = "Unknown";

pub(super) const SERVICE_USER: &str = "Service user";
pub(super) const CARER: &str = "Unpaid carer";
pub(super) const CARER_BY_ASSOCIATION: &str = "Unpaid carer known by association";

pub(super) const LEARNING_DISABILITY: &str = "Learning disability support";
pub(super) const MENTAL_HEALTH: &str = "Mental health support";
pub(super) const PERSONAL_CARE: &str = "Physical support: Personal care support";
pub(super) const ACCESS_AND_MOBILITY: &str = "Physical support: Access and mobility only";
pub(super) const MEMORY: &str = "Support with memory and cognition";
pub(super) const SUPPORT_TO_CARER: &str = "Social support: Support to unpaid carer";

/// Reasons of older people, with weights.
pub(super) const REASONS_OLDER: [(&str, u32); 8] = [
    (PERSONAL_CARE, 620),
    (ACCESS_AND_MOBILITY, 90),
    (MEMORY, 170),
    (MENTAL_HEALTH, 50),
    ("Sensory support: Support for visual impairment", 15),
    ("Sensory support: Support for hearing impairment", 8),
    ("Sensory support: Support for dual impairment", 7),
    ("Social support: Support for social isolation or other reason", 20),
];

/// Reasons of working-age people other than learning disability and mental health, with weights.
pub(super) const REASONS_YOUNGER: [(&str, u32); 6] = [
    (PERSONAL_CARE, 640),
    (ACCESS_AND_MOBILITY, 190),
    (MEMORY, 30),
    ("Sensory support: Support for visual impairment", 50),
    ("Social support: Substance misuse support", 50),
    ("Social support: Asylum seeker support", 5),
];

pub(super) const NURSING: &str = "Long term support: Nursing care";
pub(super) const RESIDENTIAL: &str = "Long term support: Residential care";
pub(super) const COMMUNITY: &str = "Long term support: Community";
pub(super) const PRISON: &str = "Long term support: Prison";
pub(super) const ST_MAX: &str = "Short term support: ST-Max";
pub(super) const LOW_LEVEL: &str = "Short term support: Ongoing low level";
pub(super) const OTHER_SHORT: &str = "Short term support: Other short term";
pub(super) const DIRECT_TO_CARER: &str = "Unpaid carer support: Direct to unpaid carer";
pub(super) const INVOLVING_CARED_FOR: &str = "Unpaid carer support: Support involving the person cared-for";

pub(super) const DIRECT_PAYMENT: &str = "Direct payment";
pub(super) const MANAGED_BUDGET: &str = "CASSR managed personal budget";
pub(super) const COMMISSIONED: &str = "CASSR commissioned support";

pub(super) const HOME_SUPPORT: &str = "Home support or domiciliary care";
pub(super) const DAY_SUPPORT: &str = "Day support";
pub(super) const SUPPORTED_LIVING: &str = "Community supported living";
pub(super) const EXTRA_CARE: &str = "Extra care housing";
pub(super) const SHARED_LIVES: &str = "Shared Lives";
pub(super) const REABLEMENT: &str = "Reablement";

/// Event outcomes, under short names.
pub(super) mod outcome {
    pub(in super::super) const TO_REABLEMENT: &str = "Progress to reablement/ST-Max";
    pub(in super::super) const TO_ASSESSMENT: &str = "Progress to assessment, review or reassessment";
    pub(in super::super) const TO_SERVICES: &str = "Progress to support planning or services";
    pub(in super::super) const CONTINUES: &str = "Continuation of support or services";
    pub(in super::super) const HOSPITAL: &str = "Admitted to hospital";
    pub(in super::super) const MOVED: &str = "NFA: Responsibility moved to another local authority";
    pub(in super::super) const NHS: &str = "NFA: Referral to NHS services or NHS funded social care";
    pub(in super::super) const SELF_FUNDED: &str = "NFA: Self-funded client or under 12wk disregard";
    pub(in super::super) const ADVICE: &str = "NFA: Information and advice or signposting";
    pub(in super::super) const OTHER_SERVICE: &str = "NFA: Referral to other service within the local authority";
    pub(in super::super) const DECLINED: &str = "NFA: Support declined";
    pub(in super::super) const DECEASED: &str = "NFA: Deceased";
    pub(in super::super) const AS_PLANNED: &str = "NFA: Support ended as planned";
    pub(in super::super) const ENDED_OTHER: &str = "NFA: Support ended for other reason";
    pub(in super::super) const NO_SERVICES: &str = "NFA: No services offered for other reason";
    pub(in super::super) const OTHER: &str = "NFA: Other";
}

/// Routes of access, with weights.
pub(super) const ROUTES: [(&str, u32); 5] = [
    ("Community or other route", 700),
    ("Discharge from hospital", 220),
    ("Diversion from hospital services", 50),
    ("Self-funder", 20),
    ("Transfer from other local authority", 10),
];
pub(super) const FROM_HOSPITAL: &str = "Discharge from hospital";
pub(super) const BY_TRANSITION: &str = "Planned entry (transition)";

pub(super) const LONG_ASSESSMENT: &str = "Long term assessment";
pub(super) const SHORT_ASSESSMENT: &str = "Short term assessment";

/// Who took part in an assessment or review, with weights.
pub(super) const METHODS: [(&str, u32); 3] =
    [("Service user only", 600), ("Service user and unpaid carer", 350), ("Unpaid carer only", 50)];

pub(super) const REVIEW_PLANNED: &str = "Planned";
pub(super) const REVIEW_SHORT_TERM: &str = "Review of short term support";
pub(super) const REVIEW_HOSPITAL: &str = "Unplanned: Hospital (planned and unplanned episodes)";
/// Reasons of unplanned reviews other than hospital, with weights.
pub(super) const REVIEW_UNPLANNED: [(&str, u32); 4] = [
    ("Unplanned: Other reason", 60),
    ("Unplanned: Safeguarding concern", 20),
    ("Unplanned: Unpaid carer related", 15),
    ("Unplanned: Provider failure", 5),
];

/// Values that release 1 wrote differently: release 2 text, release 1 text. Only unambiguous pairs.
pub(super) const RELEASE_1: [(&str, &str); 44] = [
    (SERVICE_USER, "Service User"),
    (CARER, "Carer"),
    (CARER_BY_ASSOCIATION, "Carer known by association"),
    (
        "White: English, Welsh, Scottish, Northern Irish or British",
        "White - English, Welsh, Scottish, Northern Irish or British",
    ),
    ("White: Irish", "White - Irish"),
    ("No data: Undeclared or not known", "No data - Undeclared or Not known"),
    ("Asian or Asian British: Indian", "Asian or Asian British - Indian"),
    ("Tenant: Local authority or other social housing provider", "Tenant"),
    ("Tenant: Private landlord", "Tenant - private landlord"),
    ("Settled mainstream housing with family or friends", "Settled mainstream housing with family / friends"),
    (SUPPORTED_HOME, "Supported accommodation / supported lodgings / supported group home"),
    (EXTRA_CARE_HOME, "Sheltered housing / extra care housing / other sheltered housing"),
    (PRISON_HOME, "Prison / Young offenders institution / detention centre"),
    (
        "Acute hospital or long term healthcare residential facility",
        "Acute / long-term healthcare residential facility or hospital",
    ),
    ("Staying with family or friends as a short term guest", "Staying with family / friends as a short-term guest"),
    (
        "Not in paid employment: Not actively seeking work or retired",
        "Not in Paid Employment (not actively seeking work / retired)",
    ),
    ("Not in paid employment: Seeking work", "Not in Paid Employment (seeking work)"),
    (LEARNING_DISABILITY, "Learning Disability Support"),
    (MENTAL_HEALTH, "Mental Health Support"),
    (PERSONAL_CARE, "Physical Support: Personal care support"),
    (ACCESS_AND_MOBILITY, "Physical Support: Access & mobility only"),
    (MEMORY, "Support with Memory & Cognition"),
    (SUPPORT_TO_CARER, "Social Support: Support to Carer"),
    (outcome::TO_REABLEMENT, "Progress to Reablement/ST-Max"),
    (outcome::TO_ASSESSMENT, "Progress to Assessment"),
    (outcome::TO_SERVICES, "Progress to Support Planning / Services"),
    (outcome::CONTINUES, "No change in package"),
    (outcome::MOVED, "NFA - Moved to another LA"),
    (outcome::NHS, "NFA - 100% NHS funded care"),
    (outcome::SELF_FUNDED, "NFA - Self-funded client (inc. 12wk disregard)"),
    (outcome::ADVICE, "NFA - Information & Advice / Signposting only"),
    (outcome::DECLINED, "NFA - Support declined"),
    (outcome::DECEASED, "NFA - Deceased"),
    (outcome::AS_PLANNED, "Service ended as planned"),
    (outcome::ENDED_OTHER, "NFA - Support ended: Other reason"),
    (outcome::NO_SERVICES, "NFA - No services offered: Other reason"),
    (outcome::OTHER, "NFA- Other"),
    (DIRECT_TO_CARER, "Carer Support: Direct to Carer"),
    (INVOLVING_CARED_FOR, "Carer Support: Support involving the person cared-for"),
    (HOME_SUPPORT, "Home Support"),
    ("Unpaid carer respite", "Carer Respite"),
    ("Other unpaid carer support", "Other Carer Support"),
    ("Fully client funded", "18(3) (full cost client)"),
    ("Unpaid carer universal services", "Carer Universal Services"),
];

/// First names, of people who do not exist.
pub(super) const FIRST_NAMES: [&str; 24] = [
    "Ada", "Arthur", "Beryl", "Cyril", "Doris", "Edwin", "Florence", "George", "Hilda", "Imran", "Joan", "Kofi",
    "Leila", "Maurice", "Nora", "Oswald", "Priya", "Reginald", "Sylvia", "Thomas", "Una", "Victor", "Winifred",
    "Zainab",
];
/// Last names, of people who do not exist.
pub(super) const LAST_NAMES: [&str; 20] = [
    "Ackroyd",
    "Begum",
    "Clough",
    "Darwin",
    "Eccles",
    "Fairweather",
    "Green",
    "Hussain",
    "Ingham",
    "Jones",
    "Kaur",
    "Lister",
    "Mensah",
    "Norris",
    "O'Brien",
    "Patel",
    "Quayle",
    "Rowbotham",
    "Smith, jun.",
    "Taylor",
];
