//! The lists of release 2 with what release 1 called each value, copied by hand from the specification.

/// One value: its release 2 text and the release 1 texts that mean it.
pub(super) type Value = (&'static str, &'static [&'static str]);

/// The text for what no list explains.
pub(super) const INVALID: &str = "Invalid and not mapped";

pub(super) const GENDER: &[Value] = &[("Male", &[]), ("Female", &[]), ("Other", &[]), ("Unknown", &[])];

pub(super) const YES_NO: &[Value] = &[("Yes", &[]), ("No", &[]), ("Unknown", &[])];

pub(super) const ETHNICITY: &[Value] = &[
    (
        "White: English, Welsh, Scottish, Northern Irish or British",
        &["White - English, Welsh, Scottish, Northern Irish or British"],
    ),
    ("White: Irish", &["White - Irish"]),
    ("White: Gypsy or Irish Traveller", &["White - Gypsy or Irish Traveller"]),
    ("White: Roma", &["White - Roma"]),
    ("White: Any other White background", &["White - Any other White background"]),
    (
        "Mixed or multiple ethnic groups: White and Black Caribbean",
        &["Mixed or multiple ethnic groups - White and Black Caribbean"],
    ),
    (
        "Mixed or multiple ethnic groups: White and Black African",
        &["Mixed or multiple ethnic groups - White and Black African"],
    ),
    ("Mixed or multiple ethnic groups: White and Asian", &["Mixed or multiple ethnic groups - White and Asian"]),
    (
        "Mixed or multiple ethnic groups: Any other Mixed or multiple ethnic background",
        &["Mixed or multiple ethnic groups - Any other Mixed or multiple ethnic background"],
    ),
    ("Asian or Asian British: Indian", &["Asian or Asian British - Indian"]),
    ("Asian or Asian British: Pakistani", &["Asian or Asian British - Pakistani"]),
    ("Asian or Asian British: Bangladeshi", &["Asian or Asian British - Bangladeshi"]),
    ("Asian or Asian British: Chinese", &["Asian or Asian British - Chinese"]),
    ("Asian or Asian British: Any other Asian background", &["Asian or Asian British - Any other Asian background"]),
    ("Black, Black British, Caribbean or African: African", &["Black, Black British, Caribbean or African - African"]),
    (
        "Black, Black British, Caribbean or African: Caribbean",
        &["Black, Black British, Caribbean or African - Caribbean"],
    ),
    (
        "Black, Black British, Caribbean or African: Any other Black, Black British or Caribbean background",
        &["Black, Black British, Caribbean or African - Any other Black, Black British or Caribbean background"],
    ),
    ("Other ethnic group: Arab", &["Other ethnic group - Arab"]),
    ("Other ethnic group: Any other ethnic group", &["Other ethnic group - Any other ethnic group"]),
    ("No data: Refused", &["No data - Refused"]),
    ("No data: Undeclared or not known", &["No data - Undeclared or Not known"]),
];

pub(super) const CLIENT_TYPE: &[Value] = &[
    ("Service user", &["Service User"]),
    ("Unpaid carer", &["Carer"]),
    ("Unpaid carer known by association", &["Carer known by association"]),
];

pub(super) const ACCOMMODATION: &[Value] = &[
    ("Owner occupier or shared ownership scheme", &[]),
    ("Tenant: Local authority or other social housing provider", &["Tenant"]),
    ("Tenant: Private landlord", &["Tenant - private landlord"]),
    ("Settled mainstream housing with family or friends", &["Settled mainstream housing with family / friends"]),
    (
        "Supported accommodation, supported lodgings or supported group home",
        &["Supported accommodation / supported lodgings / supported group home"],
    ),
    ("Shared Lives scheme", &[]),
    ("Approved premises for offenders released from prison or under probation supervision", &[]),
    (
        "Sheltered housing, extra care housing or other sheltered housing",
        &["Sheltered housing / extra care housing / other sheltered housing"],
    ),
    (
        "Mobile accommodation for Gypsy, Roma and Traveller communities",
        &["Mobile accommodation for Gypsy / Roma and Traveller communities"],
    ),
    ("Rough sleeper or squatting", &["Rough sleeper / squatting"]),
    (
        "Night shelter, emergency hostel or direct access hostel",
        &["Night shelter / emergency hostel / direct access hostel"],
    ),
    ("Refuge", &[]),
    ("Placed in temporary accommodation by the council (inc. homelessness resettlement)", &[]),
    ("Staying with family or friends as a short term guest", &["Staying with family / friends as a short-term guest"]),
    (
        "Acute hospital or long term healthcare residential facility",
        &["Acute / long-term healthcare residential facility or hospital"],
    ),
    ("Registered care home", &[]),
    ("Registered nursing home", &[]),
    (
        "Prison, young offenders institution or detention centre",
        &["Prison / Young offenders institution / detention centre"],
    ),
    ("Other temporary accommodation", &[]),
    ("Unknown", &[]),
];

/// The values of [`ACCOMMODATION`], and the one made from services, that count as living at home or with family.
pub(super) const SETTLED: &[&str] = &[
    "Owner occupier or shared ownership scheme",
    "Tenant: Local authority or other social housing provider",
    "Tenant: Private landlord",
    "Settled mainstream housing with family or friends",
    "Supported accommodation, supported lodgings or supported group home",
    "Shared Lives scheme",
    "Approved premises for offenders released from prison or under probation supervision",
    "Sheltered housing, extra care housing or other sheltered housing",
    "Mobile accommodation for Gypsy, Roma and Traveller communities",
    "Unknown: Presumed at home",
];

pub(super) const EMPLOYMENT: &[Value] = &[
    ("Paid: Less than 16 hours a week", &[]),
    ("Paid: 16 or more hours a week", &[]),
    ("Paid: Hours per week unknown", &[]),
    ("Not in paid employment: Seeking work", &["Not in Paid Employment (seeking work)"]),
    (
        "Not in paid employment: Not actively seeking work or retired",
        &["Not in Paid Employment (not actively seeking work / retired)"],
    ),
    ("Not in paid employment: Voluntary work only", &["Not in Paid Employment (voluntary work only)"]),
    ("Unknown", &[]),
];

pub(super) const FUNDING: &[Value] = &[
    ("Fully client funded", &["18(3) (full cost client)", "18(3)"]),
    ("Joint client and social care funded", &["Joint Client and Social Care Funded"]),
    ("Fully social care funded", &["Fully Social Care Funded"]),
    ("Unknown", &["Unknown - Individual Level", "Unknown - System Level"]),
];

pub(super) const SUPPORT_REASON: &[Value] = &[
    ("Physical support: Access and mobility only", &["Physical Support: Access & mobility only"]),
    ("Physical support: Personal care support", &["Physical Support: Personal care support"]),
    ("Sensory support: Support for visual impairment", &["Sensory Support: Support for visual impairment"]),
    ("Sensory support: Support for hearing impairment", &["Sensory Support: Support for hearing impairment"]),
    ("Sensory support: Support for dual impairment", &["Sensory Support: Support for dual impairment"]),
    ("Support with memory and cognition", &["Support with Memory & Cognition"]),
    ("Learning disability support", &["Learning Disability Support"]),
    ("Mental health support", &["Mental Health Support"]),
    ("Social support: Substance misuse support", &["Social Support: Substance misuse support"]),
    ("Social support: Asylum seeker support", &["Social Support: Asylum seeker support"]),
    (
        "Social support: Support for social isolation or other reason",
        &["Social Support: Support for Social Isolation/Other"],
    ),
    ("Social support: Support to unpaid carer", &["Social Support: Support to Carer"]),
    ("Unknown", &[]),
];

pub(super) const ROUTE: &[Value] = &[
    ("Planned entry (transition)", &["Planned Entry (Transition)"]),
    ("Discharge from hospital", &["Discharge from Hospital"]),
    ("Diversion from hospital services", &["Diversion from Hospital Services"]),
    ("Community or other route", &["Community / Other route"]),
    ("Prison", &[]),
    ("Self-funder", &["Self-Funder"]),
    ("Discharge from reablement", &["Discharge from Reablement"]),
    ("Transfer from other local authority", &["Transfer from Other LA"]),
];

pub(super) const ASSESSMENT_TYPE: &[Value] =
    &[("Long term assessment", &["Long Term Assessment"]), ("Short term assessment", &["Short Term Assessment"])];

/// In the order of the national hierarchy: the position, counted from 1, is the rank.
pub(super) const OUTCOME: &[Value] = &[
    ("Progress to reablement/ST-Max", &["Progress to Reablement/ST-Max"]),
    (
        "Progress to assessment, review or reassessment",
        &["Progress to Assessment", "Progress to Re-assessment / Unplanned Review"],
    ),
    (RELEASE_1_ONLY, &["Progress to financial assessment", "Progress to End of Life Care"]),
    ("Progress to support planning or services", &["Progress to Support Planning / Services"]),
    ("Continuation of support or services", &["No change in package", "Provision of service"]),
    ("Admitted to hospital", &[]),
    ("NFA: Responsibility moved to another local authority", &["NFA - Moved to another LA"]),
    ("NFA: Referral to NHS services or NHS funded social care", &["NFA - 100% NHS funded care"]),
    ("NFA: Self-funded client or under 12wk disregard", &["NFA - Self-funded client (inc. 12wk disregard)"]),
    ("NFA: Information and advice or signposting", &["NFA - Information & Advice / Signposting only"]),
    ("NFA: Referral to other service within the local authority", &[]),
    ("NFA: Support declined", &["NFA - Support declined"]),
    ("NFA: Deceased", &["NFA - Deceased"]),
    ("NFA: Support ended as planned", &["Service ended as planned"]),
    ("NFA: Support ended for other reason", &["NFA - Support ended: Other reason"]),
    ("NFA: No services offered for other reason", &["NFA - No services offered: Other reason"]),
    ("NFA: Other", &["NFA- Other"]),
];

/// A value of the national tables that no file may hold: only release 1 texts lead to it.
pub(super) const RELEASE_1_ONLY: &str = "Release 1 specification only: Not mapped";

pub(super) const SERVICE_TYPE: &[Value] = &[
    ("Long term support: Nursing care", &["Long Term Support: Nursing Care"]),
    ("Long term support: Residential care", &["Long Term Support: Residential Care"]),
    ("Long term support: Community", &["Long Term Support: Community"]),
    ("Long term support: Prison", &["Long Term Support: Prison"]),
    ("Short term support: ST-Max", &["Short Term Support: ST-Max"]),
    ("Short term support: Ongoing low level", &["Short Term Support: Ongoing Low Level"]),
    ("Short term support: Other short term", &["Short Term Support: Other Short Term"]),
    ("Unpaid carer support: Direct to unpaid carer", &["Carer Support: Direct to Carer"]),
    (
        "Unpaid carer support: Support involving the person cared-for",
        &["Carer Support: Support involving the person cared-for"],
    ),
];

pub(super) const COMPONENT: &[Value] = &[
    ("Reablement", &[]),
    ("Short term nursing care", &["Short Term Nursing Care"]),
    ("Short term residential care", &["Short Term Residential Care"]),
    ("Long term nursing care", &["Long Term Nursing Care"]),
    ("Long term residential care", &["Long Term Residential Care"]),
    ("Home support or domiciliary care", &["Home Support"]),
    ("Day support", &["Day Support"]),
    ("Meals", &[]),
    ("Transport", &[]),
    ("Equipment", &[]),
    ("Direct payment", &["Direct Payment"]),
    ("Shared Lives", &[]),
    ("Community supported living", &["Community Supported Living"]),
    ("Extra care housing", &[]),
    ("Professional support: Social worker", &["Professional Support: Social Worker"]),
    ("Professional support: Other", &["Professional Support: Other"]),
    ("Learning, education or employment support", &["Learning/Education/Employment Support"]),
    ("End of life care", &["End of Life Care"]),
    ("Emergency support", &["Emergency Support"]),
    ("Other short term support", &["Other Short Term Support"]),
    ("Other long term support", &["Other Long Term Support"]),
    ("Unpaid carer respite", &["Carer Respite"]),
    ("Unpaid carer sitting service", &["Carer Sitting Service"]),
    ("Unpaid carer universal services", &["Carer Universal Services"]),
    ("Other unpaid carer support", &["Other Carer Support"]),
];

pub(super) const MECHANISM: &[Value] = &[
    ("Direct payment", &["Direct Payment"]),
    ("CASSR managed personal budget", &["CASSR Managed Personal Budget"]),
    ("CASSR commissioned support", &["CASSR Commissioned Support"]),
];

/// Who took part in an assessment or a review.
pub(super) const METHOD: &[Value] = &[
    ("Unpaid carer only", &["Carer only"]),
    ("Service user only", &[]),
    ("Service user and unpaid carer", &["Service user and carer"]),
];

pub(super) const REVIEW_REASON: &[Value] = &[
    ("Planned", &[]),
    (
        "Unplanned: Hospital (planned and unplanned episodes)",
        &["Unplanned - Hospital (Planned and unplanned episodes)"],
    ),
    ("Unplanned: Unpaid carer related", &["Unplanned - Carer related"]),
    ("Unplanned: Safeguarding concern", &["Unplanned - Safeguarding concern"]),
    ("Unplanned: Other reason", &["Unplanned - Other Reason"]),
    ("Unplanned: Provider failure", &["Unplanned - Provider Failure"]),
    ("Unplanned: Change in commissioning arrangements", &["Unplanned - Change in Commissioning arrangements"]),
    ("Review of short term support", &[]),
];

pub(super) const OUTCOMES_ACHIEVED: &[Value] =
    &[("Fully met", &["Fully Met"]), ("Partially met", &["Partially Met"]), ("Not met", &["Not Met"])];

pub(super) const FREQUENCY: &[Value] = &[
    ("Per session", &[]),
    ("Hourly", &[]),
    ("Daily", &[]),
    ("Weekly", &[]),
    ("Fortnightly", &[]),
    ("4-weekly", &[]),
    ("Monthly", &[]),
    ("Quarterly", &[]),
    ("Annually", &[]),
    ("One-off", &[]),
];

/// The one published example of an old text that means a value, with that value. It is read as it stands, but for capitals.
pub(super) const ALIAS: (&str, &str) = ("mixed: white and asian", "Mixed or multiple ethnic groups: White and Asian");
