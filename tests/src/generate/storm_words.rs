//! The pools that hard cases are drawn from: values of each list, nothing, and texts of no list.

pub(super) const GENDER: &[&str] = &["Male", "Male", "Female", "Female", "Other", "Unknown", "", "F"];

pub(super) const ETHNICITY: &[&str] = &[
    "White: English, Welsh, Scottish, Northern Irish or British",
    "White: Irish",
    "White: Roma",
    "White: Gypsy or Irish Traveller",
    "White: Any other White background",
    "Mixed or multiple ethnic groups: White and Asian",
    "Mixed: White and Asian",
    "Mixed or multiple ethnic groups: White and Black African",
    "Mixed or multiple ethnic groups: White and Black Caribbean",
    "Mixed or multiple ethnic groups: Any other Mixed or multiple ethnic background",
    "Asian or Asian British: Indian",
    "Asian or Asian British: Pakistani",
    "Asian or Asian British: Bangladeshi",
    "Asian or Asian British: Chinese",
    "Asian or Asian British: Any other Asian background",
    "Black, Black British, Caribbean or African: African",
    "Black, Black British, Caribbean or African: Caribbean",
    "Black, Black British, Caribbean or African: Any other Black, Black British or Caribbean background",
    "Other ethnic group: Arab",
    "Other ethnic group: Any other ethnic group",
    "No data: Refused",
    "No data: Refused",
    "No data: Undeclared or not known",
    "No data: Undeclared or not known",
    "",
    "White",
];

pub(super) const SUPPORT_REASON: &[&str] = &[
    "Physical support: Access and mobility only",
    "Physical support: Personal care support",
    "Sensory support: Support for visual impairment",
    "Sensory support: Support for hearing impairment",
    "Sensory support: Support for dual impairment",
    "Support with memory and cognition",
    "Learning disability support",
    "Mental health support",
    "Social support: Substance misuse support",
    "Social support: Asylum seeker support",
    "Social support: Support for social isolation or other reason",
    "Social support: Support to unpaid carer",
    "Unknown",
    "Unknown",
    "",
    "Physical disability",
];

pub(super) const ACCOMMODATION: &[&str] = &[
    "Owner occupier or shared ownership scheme",
    "Tenant: Local authority or other social housing provider",
    "Tenant: Private landlord",
    "Settled mainstream housing with family or friends",
    "Supported accommodation, supported lodgings or supported group home",
    "Shared Lives scheme",
    "Approved premises for offenders released from prison or under probation supervision",
    "Sheltered housing, extra care housing or other sheltered housing",
    "Mobile accommodation for Gypsy, Roma and Traveller communities",
    "Rough sleeper or squatting",
    "Night shelter, emergency hostel or direct access hostel",
    "Refuge",
    "Placed in temporary accommodation by the council (inc. homelessness resettlement)",
    "Staying with family or friends as a short term guest",
    "Acute hospital or long term healthcare residential facility",
    "Registered care home",
    "Registered nursing home",
    "Prison, young offenders institution or detention centre",
    "Other temporary accommodation",
    "Unknown",
    "Unknown",
    "Unknown: Presumed at home",
    "",
    "",
    "At home",
];

pub(super) const EMPLOYMENT: &[&str] = &[
    "Paid: Less than 16 hours a week",
    "Paid: 16 or more hours a week",
    "Paid: Hours per week unknown",
    "Not in paid employment: Seeking work",
    "Not in paid employment: Not actively seeking work or retired",
    "Not in paid employment: Voluntary work only",
    "Unknown",
    "Unknown",
    "",
    "Retired",
];

pub(super) const FUNDING: &[&str] = &[
    "Fully client funded",
    "Joint client and social care funded",
    "Fully social care funded",
    "Unknown",
    "Fully Health Funded (not to be used)",
    "",
];

pub(super) const LEADING_ON: &[&str] = &[
    "Progress to reablement/ST-Max",
    "Progress to assessment, review or reassessment",
    "Progress to support planning or services",
    "Continuation of support or services",
    "Progress to financial assessment",
    "Progress to End of Life Care",
];

pub(super) const OUTCOME: &[&str] = &[
    "Admitted to hospital",
    "NFA: Responsibility moved to another local authority",
    "NFA: Responsibility moved to another local authority",
    "NFA: Referral to NHS services or NHS funded social care",
    "NFA: Self-funded client or under 12wk disregard",
    "NFA: Information and advice or signposting",
    "NFA: Information and advice or signposting",
    "NFA: Referral to other service within the local authority",
    "NFA: Support declined",
    "NFA: Deceased",
    "NFA: Support ended as planned",
    "NFA: Support ended for other reason",
    "NFA: No services offered for other reason",
    "NFA: Other",
    "Other",
    "Release 1 specification only: Not mapped",
    "",
    "",
];

pub(super) const ROUTE: &[&str] = &[
    "Planned entry (transition)",
    "Discharge from hospital",
    "Diversion from hospital services",
    "Community or other route",
    "Prison",
    "Self-funder",
    "Discharge from reablement",
    "Transfer from other local authority",
    "",
    "Telephone",
];

pub(super) const ASSESSMENT_TYPE: &[&str] = &[
    "Long term assessment",
    "Long term assessment",
    "Short term assessment",
    "Short term assessment",
    "Financial Assessment",
    "",
];

pub(super) const METHOD: &[&str] =
    &["Unpaid carer only", "Service user only", "Service user and unpaid carer", "", "By letter"];

pub(super) const REVIEW_REASON: &[&str] = &[
    "Planned",
    "Unplanned: Hospital (planned and unplanned episodes)",
    "Unplanned: Unpaid carer related",
    "Unplanned: Safeguarding concern",
    "Unplanned: Other reason",
    "Unplanned: Provider failure",
    "Unplanned: Change in commissioning arrangements",
    "Review of short term support",
    "",
    "Yearly",
];

pub(super) const SERVICE_TYPE: &[(&str, u32)] = &[
    ("Long term support: Nursing care", 10),
    ("Long term support: Residential care", 14),
    ("Long term support: Community", 30),
    ("Long term support: Prison", 9),
    ("Short term support: ST-Max", 20),
    ("Short term support: Ongoing low level", 8),
    ("Short term support: Other short term", 10),
    ("Unpaid carer support: Direct to unpaid carer", 2),
    ("Unpaid carer support: Support involving the person cared-for", 1),
    ("", 2),
    ("Respite", 2),
];

pub(super) const COMPONENT: &[&str] = &[
    "Reablement",
    "Short term nursing care",
    "Short term residential care",
    "Long term nursing care",
    "Long term residential care",
    "Home support or domiciliary care",
    "Day support",
    "Meals",
    "Transport",
    "Equipment",
    "Direct payment",
    "Direct payment",
    "Shared Lives",
    "Community supported living",
    "Extra care housing",
    "Professional support: Social worker",
    "Professional support: Other",
    "Learning, education or employment support",
    "End of life care",
    "Emergency support",
    "Other short term support",
    "Other long term support",
    "Unpaid carer respite",
    "Unpaid carer sitting service",
    "Unpaid carer universal services",
    "Other unpaid carer support",
    "",
    "",
    "Something else",
];

pub(super) const MECHANISM: &[&str] =
    &["Direct payment", "CASSR managed personal budget", "CASSR commissioned support", "", "Community: Direct Payment"];

pub(super) const AMOUNT: &[&str] = &[
    "0.50",
    "0.49",
    "1.50",
    "12.34",
    "100.00",
    "1000.005",
    "-20.00",
    "£15.50",
    "1,250.75",
    "0",
    "0.00",
    "",
    "N/A",
    "7",
    "3.5",
    "999999.99",
];

pub(super) const FREQUENCY: &[&str] = &[
    "Per session",
    "Hourly",
    "Daily",
    "Weekly",
    "Fortnightly",
    "4-weekly",
    "Monthly",
    "Quarterly",
    "Annually",
    "One-off",
    "",
    "Per visit",
];

/// Release 1 texts beside those that the lives use.
pub(super) const RELEASE_1: &[(&str, &str)] = &[
    ("White: Roma", "White - Roma"),
    ("No data: Refused", "No data - Refused"),
    ("Continuation of support or services", "Provision of service"),
    ("Progress to assessment, review or reassessment", "Progress to Re-assessment / Unplanned Review"),
    ("Community or other route", "Community / Other route"),
    ("Transfer from other local authority", "Transfer from Other LA"),
    ("Unplanned: Unpaid carer related", "Unplanned - Carer related"),
    ("Unplanned: Other reason", "Unplanned - Other Reason"),
    ("Unpaid carer only", "Carer only"),
    ("Service user and unpaid carer", "Service user and carer"),
    ("Long term support: Community", "Long Term Support: Community"),
    ("Short term support: ST-Max", "Short Term Support: ST-Max"),
    ("Long term residential care", "Long Term Residential Care"),
    ("Learning, education or employment support", "Learning/Education/Employment Support"),
    (
        "Social support: Support for social isolation or other reason",
        "Social Support: Support for Social Isolation/Other",
    ),
];
