//! Files of a few rows, each made for one rule: the product, the oracle and the published result say the same.
//!
//! The first is the published worked example of ASCOF 2A with its single changes; the others take one sentence of the method each.

use folkmoot_tests::generate::vocabulary::HEADERS;

use super::*;

const CODE: &str = "716";
const YEAR: (&str, &str) = ("2024-04-01", "2025-03-31");

/// Columns of the rows below: `person,birth,type,service,component,start,end,outcome`, then perhaps `death` and `route`.
///
/// Dates are ISO, the birth is a month. Short words stand for the services; everybody is a service user. Two requests of
/// somebody else show the file to cover April 2023 to June 2025.
fn file(rows: &str) -> generate::File {
    let padding = "Q,1990-01,Request,,,2023-04-01,2023-04-01,NFA: Other,,\nQ,1990-01,Request,,,2025-06-30,2025-06-30,NFA: Other,,";
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADERS).expect("to memory");
    for line in padding.lines().chain(rows.lines()).map(str::trim).filter(|line| !line.is_empty()) {
        let mut cells = line.split(',').map(str::trim);
        let mut next = || cells.next().unwrap_or_default();
        let person = next();
        let birth = next();
        let kind = next();
        let service = match next() {
            "stmax" => "Short term support: ST-Max",
            "low" => "Short term support: Ongoing low level",
            "short" => "Short term support: Other short term",
            "nursing" => "Long term support: Nursing care",
            "residential" => "Long term support: Residential care",
            "community" => "Long term support: Community",
            "prison" => "Long term support: Prison",
            "carer" => "Unpaid carer support: Direct to unpaid carer",
            other => other,
        };
        let component = next();
        let (start, end) = (next(), next());
        let outcome = next();
        let (death, route) = (next(), next());
        let birth = if birth.is_empty() { String::new() } else { format!("{birth}-20") };
        let record = HEADERS.map(|header| match header {
            "LA Code" => CODE,
            "LA Person Unique Identifier" => person,
            "Client Type" => "Service user",
            "Date of Birth" => birth.as_str(),
            "Date of Death" => death,
            "Event Type" => kind,
            "Event Start Date" => start,
            "Event End Date" => end,
            "Event Outcome" => outcome,
            "Request: Route of Access" if kind == "Request" && route.is_empty() => "Community or other route",
            "Request: Route of Access" if route != "none" => route,
            "Service Type" => service,
            "Service Component" => component,
            _ => "",
        });
        writer.write_record(record).expect("to memory");
    }
    let received: Date = "2025-07-20".parse().expect("a date");
    generate::File {
        name: "cld_716_20250630_20250720.csv".to_owned(),
        period_start: "2023-04-01".parse().expect("a date"),
        period_end: "2025-06-30".parse().expect("a date"),
        received,
        bytes: writer.into_inner().expect("to memory"),
        marks: Vec::new(),
    }
}

fn pair(rows: &str) -> Pair {
    Pair::read(CODE, &[file(rows)], KeyReading::Raw)
}

/// The figures of a question, on which both readers agree.
fn ask(rows: &str, measure: &str, by: &[&str]) -> Vec<Figure> {
    pair(rows).compare(measure, by, YEAR, false).unwrap_or_else(|differences| panic!("{differences}\n{rows}"))
}

/// Numerator and denominator of 2A for 18 to 64, 65 and above, and in all.
fn percentages(rows: &str) -> [(u64, u64); 3] {
    let figures = ask(rows, "ASCOF-2A", &[]);
    ["age_band=18 to 64", "age_band=65 and above", ""].map(|group| {
        let of = |component| truth::value(&figures, group, component).expect("a figure");
        (of("yes"), of("yes") + of("no"))
    })
}

/// What the only cluster that counts was found to be: sequel and final outcome.
fn sequel(rows: &str) -> (String, String) {
    let figures = ask(rows, "ASCOF-2A-SEQUELS", &["sequel", "final_outcome"]);
    let mut found = figures.iter().filter(|figure| figure.value > 0 && figure.group.matches('=').count() == 2);
    let one = found.next().expect("a cluster");
    assert!(one.value == 1 && found.next().is_none(), "more than one cluster: {rows}");
    let (outcome, sequel) = one.group.split_once(";sequel=").expect("two dimensions");
    (sequel.to_owned(), outcome.trim_start_matches("final_outcome=").to_owned())
}

/// How many there are in all of the groups of a table that hold anybody: `value group`.
fn table(rows: &str, measure: &str, by: &[&str]) -> Vec<String> {
    let depth = by.len();
    let figures = ask(rows, measure, by);
    let mut found: Vec<String> = figures
        .iter()
        .filter(|figure| figure.value > 0 && figure.group.matches('=').count() == depth)
        .map(|figure| format!("{} {}", figure.value, figure.group))
        .collect();
    found.sort();
    found
}

const EXAMPLE: &str = "\
P1,1944-01,Service,stmax,Reablement,2024-04-01,2024-04-20,NFA: Other
P1,1944-01,Service,stmax,Reablement,2024-04-27,2024-05-10,NFA: Support ended as planned
P1,1944-01,Service,stmax,Reablement,2024-05-01,2024-05-10,NFA: Information and advice or signposting
P1,1944-01,Service,stmax,Reablement,2024-05-18,2024-06-01,Progress to support planning or services
P1,1944-01,Service,community,Home support or domiciliary care,2024-06-08,,
P2,1974-01,Service,community,,2023-06-01,2024-07-02,
P2,1974-01,Service,stmax,Reablement,2024-09-30,2024-10-20,NFA: Other
P3,1994-01,Service,community,,2023-06-01,2024-07-02,
P3,1994-01,Service,stmax,Reablement,2024-10-01,2024-10-20,Continuation of support or services
P3,1994-01,Review,,,2024-10-15,2024-10-20,NFA: Referral to other service within the local authority
";

const EXTENSION: &str = "\
P4,1954-01,Service,stmax,Reablement,2025-03-01,2025-03-31,NFA: Support ended as planned,2025-04-07
P5,,Service,stmax,Reablement,2024-12-01,2024-12-10,NFA: Other
P6,1950-01,Service,stmax,Reablement,2025-01-01,2025-01-20,NFA: Other
P6,1950-01,Service,short,Short term residential care,2025-01-20,,
P6,1950-01,Service,low,Equipment,2025-01-22,,
P7,1950-01,Service,stmax,Reablement,2025-02-01,2025-02-14,NFA: Other
P7,1950-01,Service,short,Short term nursing care,2025-02-14,2025-02-28,
";

#[test]
fn the_worked_example_of_2a_holds_from_the_file_to_the_figures() {
    assert_eq!(percentages(EXAMPLE), [(1, 1), (1, 2), (2, 3)]);
    let extended = format!("{EXAMPLE}{EXTENSION}");
    assert_eq!(percentages(&extended), [(1, 1), (2, 4), (4, 6)]);
    let later = extended.replace("2025-04-07", "2025-04-08");
    assert_eq!(percentages(&later), [(1, 1), (3, 5), (5, 7)]);
}

#[test]
fn each_single_change_of_the_2a_example_has_its_published_effect() {
    for (from, to, expected) in [
        ("2024-05-18,", "2024-05-17,", [(1, 1), (0, 1), (1, 2)]),
        ("2024-06-08,", "2024-06-09,", [(1, 1), (1, 1), (2, 2)]),
        ("2024-09-30,", "2024-10-01,", [(2, 2), (1, 2), (3, 4)]),
        ("2024-10-15,2024-10-20", "2024-10-02,2024-10-06", [(0, 0), (1, 2), (1, 2)]),
        ("2024-10-15,2024-10-20", "2024-10-02,2024-10-07", [(1, 1), (1, 2), (2, 3)]),
        ("NFA: Information and advice or signposting", "NFA: Support declined", [(1, 1), (0, 1), (1, 2)]),
    ] {
        let changed = EXAMPLE.replace(from, to);
        assert_ne!(changed, EXAMPLE);
        assert_eq!(percentages(&changed), expected, "{from} -> {to}");
    }
}

/// One cluster from 1 to 20 October 2024 that ended with `outcome`, and what else there is.
fn cluster(outcome: &str, others: &str) -> String {
    format!("P,1950-01,Service,stmax,Reablement,2024-10-01,2024-10-20,{outcome}\n{others}")
}

#[test]
fn each_way_to_a_sequel_of_2a_is_found() {
    let found = |outcome: &str, others: &str| {
        let (sequel, outcome) = sequel(&cluster(outcome, others));
        format!("{sequel} {outcome}")
    };
    let other = "NFA: Other";
    let unusable = "Continuation of support or services";
    // Future events that are all excluded keep the cluster's own outcome from step 4; it comes back last.
    let respite = "P,1950-01,Service,carer,Unpaid carer respite,2024-10-21,2024-11-20,NFA: Other";
    assert_eq!(found(other, respite), "6 NFA: Other");
    let planned = "P,1950-01,Review,,,2024-10-21,2024-10-22,NFA: Support ended as planned";
    assert_eq!(found(other, planned), "6 NFA: Other");
    // Then a nested review or equipment overrides it.
    let nested = "P,1950-01,Review,,,2024-10-02,2024-10-18,NFA: Support ended for other reason";
    assert_eq!(found(other, &format!("{planned}\n{nested}")), "4c NFA: Support ended for other reason");
    let equipment = "P,1950-01,Service,short,Equipment,2024-10-01,2024-10-02,NFA: Other";
    assert_eq!(
        found("NFA: Support declined", &format!("{respite}\n{equipment}")),
        "5 Short term support: Ongoing low level"
    );
    assert_eq!(found("NFA: Support declined", equipment), "4a NFA: Support declined");
    // Equipment that ends on the cluster's first day is not within it.
    let early = equipment.replace("2024-10-02", "2024-10-01");
    assert_eq!(found(unusable, &early), format!("6 {unusable}"));
    // A hospital admission in a later event beats every end; of equal ranks the cluster's own is named.
    let hospital = "P,1950-01,Assessment,,,2024-10-27,2024-11-01,Admitted to hospital";
    assert_eq!(found("NFA: Responsibility moved to another local authority", hospital), "4b Admitted to hospital");
    assert_eq!(found(other, &hospital.replace("Admitted to hospital", other)), "4a NFA: Other");
    assert_eq!(found(unusable, &hospital.replace("Admitted to hospital", other)), "4b NFA: Other");
    // A later event without a usable outcome lets the cluster's own count.
    assert_eq!(found(other, &hospital.replace("Admitted to hospital", unusable)), "4a NFA: Other");
    assert_eq!(found(other, &hospital.replace("2024-10-27", "2024-10-28")), "4a NFA: Other");
    // Services that began before the cluster and go on are no sequels; those that began with it are.
    let low = "P,1950-01,Service,low,Equipment,2024-09-30,,Continuation of support or services";
    assert_eq!(found(other, low), "4a NFA: Other");
    assert_eq!(found(other, &low.replace("2024-09-30", "2024-10-01")), "3 Short term support: Ongoing low level");
    // Long-term support that starts with the cluster does not make an existing client, and is a sequel.
    let community = "P,1950-01,Service,community,,2024-10-01,2024-10-21,";
    assert_eq!(found(other, community), "3 Long term support: Community");
    // Death during the cluster and up to seven days after it; the end moves to the day of death.
    let died = "P,1950-01,Review,,,2024-09-01,2024-09-02,NFA: Other,2024-10-27";
    assert_eq!(found(other, died), "1 NFA: Deceased");
    assert_eq!(found(other, &died.replace("10-27", "10-28")), "4a NFA: Other");
    assert_eq!(found("Admitted to hospital", respite), "2 Admitted to hospital");
}

#[test]
fn an_open_service_absorbs_all_that_comes_after_it() {
    let open = "P,1950-01,Service,stmax,Reablement,2024-09-01,,NFA: Other";
    let figures = ask(&cluster("NFA: Other", open), "ASCOF-2A-SEQUELS", &[]);
    assert!(figures.iter().all(|figure| figure.value == 0));
}

#[test]
fn admissions_follow_the_published_one_line_facts() {
    let count = |rows: &str| {
        let of = |measure| ask(rows, measure, &[]).iter().map(|figure| figure.value.unsigned_abs()).sum::<u64>();
        (of("ASCOF-2B"), of("ASCOF-2C"))
    };
    let stay =
        "P,1950-01,Service,residential,Long term residential care,2024-06-01,,Continuation of support or services";
    assert_eq!(count(stay), (0, 1));
    assert_eq!(count(&stay.replace("Long term residential care", "")), (0, 0));
    assert_eq!(count(&stay.replace("Long term residential care", "Short term residential care")), (0, 0));
    assert_eq!(count(&stay.replace("Long term residential care", "Home support or domiciliary care")), (0, 0));
    let before =
        |end: &str| format!("{stay}\nP,1950-01,Service,nursing,Long term nursing care,2023-05-01,{end},NFA: Other");
    assert_eq!(count(&before("2023-06-02")), (0, 1), "365 days before");
    assert_eq!(count(&before("2023-06-03")), (0, 0), "364 days before");
    let funded = stay.replace("Continuation of support or services", "NFA: Self-funded client or under 12wk disregard");
    assert_eq!(count(&funded), (0, 0));
    let after = format!("{funded}\nP,1950-01,Service,nursing,Long term nursing care,2024-09-01,,");
    assert_eq!(count(&after), (0, 0), "a stay that people pay for themselves is earlier care");
    // New in both bands: the younger one counts. Born in June 1959: 65 from 1 June 2024 by the calendar, and by the division.
    let young = "P,1959-06,Service,residential,Long term residential care,2024-05-31,2024-05-31,\n\
                 P,1959-06,Service,nursing,Long term nursing care,2024-06-01,,";
    assert_eq!(count(young), (1, 0));
    assert_eq!(count(young.lines().last().expect("a line")), (0, 1));
    let lone = "P,1959-06,Service,nursing,Long term nursing care,2024-05-31,,";
    assert_eq!(count(lone), (1, 0));
    for (start, expected) in [("2024-03-31", 0), ("2024-04-01", 1), ("2025-03-31", 1), ("2025-04-01", 0)] {
        assert_eq!(count(&stay.replace("2024-06-01", start)), (0, expected), "{start}");
    }
    assert_eq!(count(&stay.replace("1950-01", "")), (0, 0));
    assert_eq!(count(&stay.replace("1950-01", "2007-01")), (0, 0));
    // Two stays from one day are one admission, whichever of them is paid for by whom.
    let twice = format!("{funded}\nP,1950-01,Service,nursing,Long term nursing care,2024-06-01,,");
    assert_eq!(count(&twice), (0, 1));
}

/// A request from 1 to `end` June 2024, and what followed.
fn request(end: &str, outcome: &str, others: &str) -> String {
    format!("P,1950-01,Request,,,2024-06-01,2024-06-{end},{outcome}\n{others}")
}

const ADVICE: &str = "NFA: Information and advice or signposting";

#[test]
fn requests_of_new_clients_keep_the_published_flaws() {
    let one = |rows: &str| table(rows, "STS001", &["sequel"]);
    let signposted = ["1 sequel=Universal services or signposted"];
    let reablement = ["1 sequel=Short term support: ST-Max"];
    assert_eq!(one(&request("03", ADVICE, "")), signposted);
    // Within 28 days, unless it is open.
    let later = |day: &str, end: &str| format!("P,1950-01,Service,stmax,Reablement,{day},{end},NFA: Other");
    assert_eq!(one(&request("03", ADVICE, &later("2024-07-01", "2024-07-20"))), reablement);
    assert_eq!(one(&request("03", ADVICE, &later("2024-07-02", "2024-07-20"))), signposted);
    assert_eq!(one(&request("03", ADVICE, &later("2024-07-02", ""))), reablement);
    // A request of one day accepts what starts months later.
    assert_eq!(one(&request("01", ADVICE, &later("2024-12-01", "2024-12-20"))), reablement);
    // A chain breaks after more than three days, and at another request.
    let chain = |day: &str| {
        let assessed = "P,1950-01,Assessment,,,2024-06-10,2024-06-12,Continuation of support or services";
        request("03", ADVICE, &format!("{assessed}\n{}", later(day, "2024-07-20")))
    };
    assert_eq!(one(&chain("2024-06-15")), reablement);
    assert_eq!(one(&chain("2024-06-16")), signposted);
    let again = "P,1950-01,Request,,,2024-06-14,2024-08-30,NFA: Other";
    let cut = one(&format!("{}{again}", chain("2024-06-14") + "\n"));
    assert_eq!(cut, ["1 sequel=No services provided: Other reason", signposted[0]]);
    // Four days apart are one cluster, five are two.
    let second = |day: &str| request("03", "NFA: Other", &format!("P,1950-01,Request,,,{day},{day},{ADVICE}"));
    assert_eq!(one(&second("2024-06-07")), signposted);
    assert_eq!(one(&second("2024-06-08")), ["1 sequel=No services provided: Other reason", signposted[0]]);
    // Without a route it is lost; without an outcome nothing is seen to follow.
    let lost = format!("{},,none", request("03", ADVICE, "").trim());
    assert_eq!(one(&lost), [""; 0]);
    assert_eq!(one(&request("03", "", &later("2024-06-10", "2024-06-20"))), ["1 sequel=Unable to classify"]);
    // Existing clients are dropped, but not where there is no outcome.
    let community = "P,1950-01,Service,community,,2024-01-01,2024-06-01,NFA: Other";
    assert_eq!(one(&request("03", ADVICE, community)), [""; 0]);
    assert_eq!(one(&request("03", ADVICE, &community.replace("06-01", "05-31"))), signposted);
    assert_eq!(one(&request("03", "", community)), ["1 sequel=Unable to classify"]);
    // Equal outcomes by different routes on the last day count twice.
    let twin = format!("P,1950-01,Request,,,2024-06-02,2024-06-03,{ADVICE},,Self-funder");
    assert_eq!(one(&request("03", ADVICE, &twin)), ["2 sequel=Universal services or signposted"]);
    // The last ends decide without a service; several of them tell nothing.
    let closed = |outcome: &str| format!("P,1950-01,Review,,,2024-06-10,2024-06-12,{outcome}");
    let nhs = closed("NFA: Referral to NHS services or NHS funded social care");
    assert_eq!(one(&request("03", ADVICE, &nhs)), ["1 sequel=100% NHS funded care"]);
    let several = format!("{nhs}\nP,1950-01,Assessment,,,2024-06-10,2024-06-12,Continuation of support or services");
    assert_eq!(one(&request("03", ADVICE, &several)), ["1 sequel=No services provided: Other reason"]);
    // Support that ended as planned was no end without further action in release 1.
    assert_eq!(one(&request("03", ADVICE, &closed("NFA: Support ended as planned"))), signposted);
    // A cluster that goes on after the period counts at its last end in it.
    let beyond = format!(
        "P,1950-01,Request,,,2025-03-29,2025-03-30,{ADVICE}\nP,1950-01,Request,,,2025-03-31,2025-04-20,NFA: Other"
    );
    assert_eq!(one(&beyond), signposted);
}

#[test]
fn deaths_are_those_of_the_person_table() {
    // The request's own row says nothing of a death before the period, another row of the person does.
    let died = "P,1950-01,Review,,,2023-05-01,2023-05-02,NFA: Other,2024-03-30";
    assert_eq!(table(&request("03", ADVICE, died), "STS001", &["sequel"]), [""; 0]);
    let alive = died.replace("2024-03-30", "2024-04-01");
    assert_eq!(table(&request("03", ADVICE, &alive), "STS001", &["sequel"]).len(), 1);
}

#[test]
fn reablement_of_new_and_of_existing_clients_keeps_the_published_flaws() {
    let asked = request("03", "Progress to reablement/ST-Max", "");
    let after = |outcome: &str, others: &str| {
        let rows = format!("{asked}P,1950-01,Service,stmax,Reablement,2024-06-10,2024-06-30,{outcome}\n{others}");
        table(&rows, "STS002A", &["sequel"])
    };
    assert_eq!(after("NFA: Support declined", ""), ["1 sequel=Support declined"]);
    let community = |day: &str| format!("P,1950-01,Service,community,,{day},2024-12-31,NFA: Other");
    let long_term = ["1 sequel=Long term support (any setting)"];
    assert_eq!(after("NFA: Support declined", &community("2024-07-03")), long_term);
    assert_eq!(after("NFA: Support declined", &community("2024-07-04")), ["1 sequel=Support declined"]);
    // Support that ended as planned with events but no service is a category of its own.
    let planned = "NFA: Support ended as planned";
    assert_eq!(after(planned, ""), ["1 sequel=No services provided: Other"]);
    let review = "P,1950-01,Review,,,2024-07-01,2024-07-02,Continuation of support or services";
    assert_eq!(after(planned, review), ["1 sequel=Support ended as planned, no service found"]);
    // Without an outcome nothing is seen to follow, as after a request.
    assert_eq!(after("", &community("2024-07-01")), ["1 sequel=Unable to classify"]);
    // From one day to the next it is one cluster; two days apart the second ends the chain of the first.
    let next = |day: &str| format!("P,1950-01,Service,stmax,Reablement,{day},2024-07-20,NFA: Support declined");
    assert_eq!(after("NFA: Other", &next("2024-07-01")), ["1 sequel=Support declined"]);
    assert_eq!(
        after("NFA: Other", &next("2024-07-02")),
        ["1 sequel=No services provided: Other", "1 sequel=Support declined"]
    );

    let existing = |outcome: &str, community: &str| {
        let rows = format!("P,1950-01,Service,stmax,Reablement,2024-06-10,2024-06-30,{outcome}\n{community}");
        table(&rows, "STS002B", &["age_band"])
    };
    let held = "P,1950-01,Service,community,,2024-01-01,2024-06-10,NFA: Other";
    assert_eq!(existing("NFA: Other", held), ["1 age_band=65 and above"]);
    assert_eq!(existing("NFA: Other", &held.replace("06-10", "06-09")), [""; 0]);
    assert_eq!(existing("", held), [""; 0]);
    // Only requests need a month of birth.
    let nameless = "P,,Service,stmax,Reablement,2024-06-10,2024-06-30,NFA: Other";
    assert_eq!(table(&format!("{nameless}\n{held}"), "STS002B", &["age_band"]), ["1 age_band=Unknown"]);
    let other_component = "P,1950-01,Service,stmax,Equipment,2024-06-10,2024-06-30,NFA: Support declined";
    let rows = format!("{asked}{nameless}\n{other_component}");
    // The one with a birth brings both into the cohort; the one whose outcome is better speaks for them.
    assert_eq!(table(&rows, "STS002A", &["age_band"]), ["1 age_band=65 and above"]);
    let rows = rows.replace("Support declined", "Other").replace(nameless, &nameless.replace("Other", "Deceased"));
    assert_eq!(table(&rows, "STS002A", &["age_band"]), ["1 age_band=Unknown"]);
}
