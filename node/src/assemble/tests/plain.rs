//! The whole method once more, in the plainest way: texts, lists and loops, nothing packed, nothing sorted that need
//! not be, one step after another over one table. Slow on purpose; written from the published description alone.

use folkmoot_proto::period::{Day, ReferencePeriod};

/// A cell: `None` is null.
pub(super) type Cell = Option<String>;

/// A row of a file. Dates are day numbers; the codes are labels; `raw_*` are the texts of the event key.
#[derive(Clone, Default)]
pub(super) struct PlainRow {
    pub(super) number: u32,
    pub(super) nhs: Cell,
    pub(super) la: Cell,
    pub(super) linked: [Cell; 3],
    pub(super) event: Cell,
    pub(super) start: Option<i32>,
    pub(super) end: Option<i32>,
    pub(super) death: Option<i32>,
    /// Year and month.
    pub(super) birth: Option<(i16, i8)>,
    pub(super) client: Cell,
    pub(super) gender: Cell,
    pub(super) ethnicity: Cell,
    pub(super) reason: Cell,
    pub(super) accommodation: Cell,
    pub(super) employment: Cell,
    pub(super) has_carer: Cell,
    pub(super) funding: Cell,
    pub(super) outcome: Cell,
    pub(super) route: Cell,
    pub(super) assessment: Cell,
    pub(super) service: Cell,
    pub(super) component: Cell,
    pub(super) mechanism: Cell,
    pub(super) frequency: Cell,
    pub(super) unit_cost: Option<i64>,
    pub(super) planned: Option<i64>,
    pub(super) conversation: bool,
    pub(super) raw_client: Cell,
    pub(super) raw_route: Cell,
    pub(super) raw_assessment: Cell,
    pub(super) raw_service: Cell,
    pub(super) raw_component: Cell,
}

pub(super) struct PlainFile {
    pub(super) received: Day,
    pub(super) rows: Vec<PlainRow>,
}

/// A row of the main table.
#[derive(Clone)]
pub(super) struct MainRow {
    pub(super) row: PlainRow,
    pub(super) file: usize,
    pub(super) ref_start: i32,
    pub(super) ref_end: i32,
    pub(super) end: Option<i32>,
    pub(super) person: String,
    key: Vec<String>,
}

/// A row of the person table.
#[derive(Clone, PartialEq)]
pub(super) struct PlainPerson {
    pub(super) id: String,
    pub(super) accommodation: String,
    pub(super) employment: String,
    pub(super) gender: String,
    pub(super) ethnicity: String,
    pub(super) reason: String,
    pub(super) funding: String,
    pub(super) has_carer: String,
    pub(super) birth: Option<(i16, i8)>,
    pub(super) death: Option<i32>,
}

const INVALID: &str = "Invalid and not mapped";
const FAR: i32 = 2_932_532;

/// First day of the month that comes `months` after the one that `day` is in.
fn month_start(day: i32, months: i32) -> i32 {
    let (year, month, _) = Day::from_number(day).ymd();
    let count = i32::from(year) * 12 + i32::from(month) - 1 + months;
    Day::from_ymd((count / 12) as i16, (count % 12 + 1) as i8, 1).unwrap().number()
}

/// The derived reporting period of a file: first and last day.
pub(super) fn reporting_period(file: &PlainFile) -> Option<(i32, i32)> {
    let receipt = month_start(file.received.number(), 0);
    let ends: Vec<(i32, &PlainRow)> =
        file.rows.iter().filter_map(|row| row.end.filter(|end| *end < receipt).map(|end| (end, row))).collect();
    let mut months: Vec<i32> = ends.iter().map(|(end, _)| month_start(*end, 0)).collect();
    months.sort_unstable();
    months.dedup();
    let count = |month: i32| ends.iter().filter(|(end, _)| month_start(*end, 0) == month).count();
    let types = |month: i32| {
        ["Request", "Assessment", "Service", "Review"]
            .iter()
            .filter(|kind| {
                ends.iter().any(|(end, row)| month_start(*end, 0) == month && row.event.as_deref() == Some(kind))
            })
            .count()
    };
    let most = months.iter().map(|month| types(*month)).max()?;
    let good: Vec<i32> = months
        .iter()
        .copied()
        .filter(|month| {
            ends.len() < 100
                || (100.0 * count(*month) as f64 / ends.len() as f64 >= 2.0 && types(*month) as i32 >= most as i32 - 1)
        })
        .collect();
    Some((*good.iter().min()?, month_start(*good.iter().max()?, 1) - 1))
}

/// Which file is chosen for a span: the latest received of those that cover it, of one day the last in the list.
fn choose(files: &[PlainFile], first: i32, last: i32, as_of: Day) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (place, file) in files.iter().enumerate() {
        let Some((from, to)) = reporting_period(file) else { continue };
        let fits = from <= first && to >= last && file.received.number() > last && file.received <= as_of;
        if fits && best.is_none_or(|best| files[best].received <= file.received) {
            best = Some(place);
        }
    }
    best
}

/// Files with their reference periods, quarter by quarter.
pub(super) fn select_joined(files: &[PlainFile], window: (i32, i32), as_of: Day) -> Vec<(usize, i32, i32)> {
    let mut chosen: Vec<(usize, i32, i32)> = Vec::new();
    let mut first = window.0;
    loop {
        let last = month_start(first, 3) - 1;
        if last > window.1 {
            return chosen;
        }
        if let Some(file) = choose(files, first, last, as_of) {
            match chosen.iter_mut().find(|(chosen, _, _)| *chosen == file) {
                Some((_, _, end)) => *end = last,
                None => chosen.push((file, first, last)),
            }
        }
        first = last + 1;
    }
}

/// The one file for twelve months.
pub(super) fn select_single(files: &[PlainFile], window: (i32, i32), as_of: Day) -> Vec<(usize, i32, i32)> {
    choose(files, window.0, window.1, as_of).map(|file| (file, window.0, window.1)).into_iter().collect()
}

/// The calendar quarters that some file received in time covers, from the first to the last.
pub(super) fn all_quarters(files: &[PlainFile], as_of: Day) -> Option<(i32, i32)> {
    let covered = |first: i32| {
        files.iter().filter(|file| file.received <= as_of).any(|file| {
            reporting_period(file).is_some_and(|(from, to)| from <= first && to >= month_start(first, 3) - 1)
        })
    };
    let quarters: Vec<i32> = (2015..2030)
        .flat_map(|year| [1, 4, 7, 10].map(|month| Day::from_ymd(year, month, 1).unwrap().number()))
        .filter(|first| covered(*first))
        .collect();
    Some((*quarters.first()?, month_start(*quarters.last()?, 3) - 1))
}

/// The main table: one row an event. `single` adds the four fields of the single-submission table.
pub(super) fn main_table(
    files: &[PlainFile],
    chosen: &[(usize, i32, i32)],
    cleaned_key: bool,
    single: bool,
) -> Vec<MainRow> {
    let mut table: Vec<MainRow> = Vec::new();
    for (file, ref_start, ref_end) in chosen {
        for row in &files[*file].rows {
            let (Some(start), Some(event)) = (row.start, row.event.clone()) else { continue };
            let mut end = row.end;
            if let (Some(death), Some(raw)) = (row.death, row.end)
                && start <= death
                && death <= raw
            {
                end = Some(death);
            }
            if let (Some(death), None) = (row.death, row.end)
                && death > start
            {
                end = Some(death);
            }
            let in_period = if event == "Service" {
                end.is_none() || end.unwrap() >= *ref_start
            } else {
                end.is_some() && end.unwrap() >= *ref_start && end.unwrap() <= *ref_end
            };
            let alive = row.death.is_none() || (row.death.unwrap() >= *ref_start && row.death.unwrap() >= start);
            if !in_period || start > *ref_end || !alive {
                continue;
            }
            let person = match (&row.nhs, &row.la) {
                (Some(nhs), _) => format!("nhs {nhs}"),
                (None, Some(la)) => format!("la {la}"),
                (None, None) => continue,
            };
            let pick = |raw: &Cell, cleaned: &Cell| format!("{:?}", if cleaned_key { cleaned } else { raw });
            let mut key = vec![event.clone(), person.clone(), start.to_string()];
            key.push(pick(&row.raw_client, &row.client));
            if event != "Service" {
                key.push(format!("{end:?}"));
            }
            if event == "Request" {
                key.push(pick(&row.raw_route, &row.route));
            }
            if event == "Assessment" {
                key.push(pick(&row.raw_assessment, &row.assessment));
            }
            if event == "Service" {
                key.push(pick(&row.raw_service, &row.service));
                key.push(pick(&row.raw_component, &row.component));
            }
            let (ref_start, ref_end) = (*ref_start, *ref_end);
            table.push(MainRow { row: row.clone(), file: *file, ref_start, ref_end, end, person, key });
        }
    }

    // Crop, all at once, on the ends before any crop.
    let latest = table.iter().map(|row| row.ref_start).max();
    let before = table.clone();
    for row in &mut table {
        let open = row.end.is_none() || row.end.unwrap() > row.ref_end;
        let followed = before.iter().any(|other| other.key == row.key && other.ref_start == row.ref_end + 1);
        if Some(row.ref_start) != latest && open && !followed {
            row.end = Some(row.ref_end);
        }
    }

    if single {
        for row in &mut table {
            if row.row.event.as_deref() == Some("Service") {
                let PlainRow { mechanism, unit_cost, frequency, planned, .. } = &row.row;
                row.key.push(format!("{mechanism:?} {unit_cost:?} {frequency:?} {planned:?}"));
            }
        }
    }
    let all = table.clone();
    table.retain(|row| !all.iter().any(|other| other.key == row.key && preferred(files, other, row)));
    table
}

/// True when the first row is kept rather than the second.
fn preferred(files: &[PlainFile], one: &MainRow, other: &MainRow) -> bool {
    if one.ref_end != other.ref_end {
        return one.ref_end > other.ref_end;
    }
    let (end, other_end) = (one.end.unwrap_or(FAR), other.end.unwrap_or(FAR));
    if end != other_end {
        return end > other_end;
    }
    let (rank, other_rank) = (hierarchy(&one.row.outcome), hierarchy(&other.row.outcome));
    if rank != other_rank {
        return rank < other_rank;
    }
    if one.row.conversation != other.row.conversation {
        return one.row.conversation;
    }
    record(files, one) > record(files, other)
}

/// The record id: larger is later.
pub(super) fn record(files: &[PlainFile], row: &MainRow) -> (Day, usize, u32) {
    (files[row.file].received, row.file, row.row.number)
}

fn hierarchy(outcome: &Cell) -> usize {
    let order = [
        "Progress to reablement/ST-Max",
        "Progress to assessment, review or reassessment",
        "Release 1 specification only: Not mapped",
        "Progress to support planning or services",
        "Continuation of support or services",
        "Admitted to hospital",
        "NFA: Responsibility moved to another local authority",
        "NFA: Referral to NHS services or NHS funded social care",
        "NFA: Self-funded client or under 12wk disregard",
        "NFA: Information and advice or signposting",
        "NFA: Referral to other service within the local authority",
        "NFA: Support declined",
        "NFA: Deceased",
        "NFA: Support ended as planned",
        "NFA: Support ended for other reason",
        "NFA: No services offered for other reason",
        "NFA: Other",
    ];
    order.iter().position(|label| outcome.as_deref() == Some(label)).map_or(999, |place| place + 1)
}

/// The person table of a main table, for a year.
pub(super) fn person_table(table: &[MainRow], year: (i32, i32)) -> Vec<PlainPerson> {
    let mut ids: Vec<&String> = table.iter().map(|row| &row.person).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut linked: Vec<&String> = Vec::new();
    for row in table {
        let carer = ["Unpaid carer", "Unpaid carer known by association"];
        if carer.contains(&row.row.client.as_deref().unwrap_or(""))
            && row.end.unwrap_or(FAR) >= year.0
            && row.row.start.unwrap() <= year.1
        {
            linked.extend(row.row.linked.iter().flatten());
        }
    }
    ids.iter()
        .map(|id| {
            let rows: Vec<&MainRow> = table.iter().filter(|row| row.person == **id).collect();
            let mut person = one_person(id, &rows);
            if rows.iter().any(|row| row.row.la.as_ref().is_some_and(|la| linked.contains(&la))) {
                person.has_carer = "Yes".into();
            }
            person
        })
        .collect()
}

fn one_person(id: &str, rows: &[&MainRow]) -> PlainPerson {
    let renamed = |cell: &Cell, to: &str| match cell.as_deref() {
        None | Some(INVALID) => to.to_owned(),
        Some(label) => label.to_owned(),
    };
    let known = |value: &str| i32::from(value != "Unknown" && value != INVALID);
    let mut accommodation = latest(rows, |row| renamed(&row.accommodation, "Unknown"), known, "Unknown");
    if accommodation == "Unknown" {
        accommodation = from_services(rows);
    }
    let birth_ref = rows.iter().filter(|row| row.row.birth.is_some()).map(|row| row.ref_end).max();
    let death_ref = rows.iter().filter(|row| row.row.death.is_some()).map(|row| row.ref_end).max();
    PlainPerson {
        id: id.to_owned(),
        accommodation,
        employment: latest(rows, |row| renamed(&row.employment, INVALID), known, "Unknown"),
        gender: latest(rows, |row| renamed(&row.gender, "Unknown"), known, "Unknown"),
        ethnicity: latest(
            rows,
            |row| renamed(&row.ethnicity, "No data: Undeclared or not known"),
            |value| match value {
                "No data: Undeclared or not known" => 0,
                "No data: Refused" => 1,
                _ => 2,
            },
            "No data: Undeclared or not known",
        ),
        reason: latest(
            rows,
            |row| renamed(&row.reason, "Unknown"),
            |value| i32::from(value != "Unknown" && value != "Social support: Support to unpaid carer"),
            "Unknown",
        ),
        funding: latest(rows, |row| renamed(&row.funding, "Unknown"), known, "Unknown"),
        has_carer: latest(rows, |row| renamed(&row.has_carer, "Unknown"), known, "Unknown"),
        birth: rows.iter().filter(|row| Some(row.ref_end) == birth_ref).filter_map(|row| row.row.birth).min(),
        death: rows.iter().filter(|row| Some(row.ref_end) == death_ref).filter_map(|row| row.row.death).max(),
    }
}

/// The common rule: the rows that come first, and unknown when they disagree.
fn latest(
    rows: &[&MainRow],
    value: impl Fn(&PlainRow) -> String,
    known: impl Fn(&str) -> i32,
    unknown: &str,
) -> String {
    let mut left: Vec<&MainRow> = rows.to_vec();
    let narrow = |left: &mut Vec<&MainRow>, by: &dyn Fn(&MainRow) -> i32| {
        let most = left.iter().map(|row| by(row)).max().unwrap();
        left.retain(|row| by(row) == most);
    };
    narrow(&mut left, &|row| known(&value(&row.row)));
    narrow(&mut left, &|row| row.ref_end);
    narrow(&mut left, &|row| row.end.unwrap_or(FAR));
    narrow(&mut left, &|row| row.row.start.unwrap());
    let mut values: Vec<String> = left.iter().map(|row| value(&row.row)).collect();
    values.dedup();
    if values.iter().all(|value| *value == values[0]) { values[0].clone() } else { unknown.to_owned() }
}

/// The accommodation that the latest services suggest.
fn from_services(rows: &[&MainRow]) -> String {
    let useful =
        ["Shared Lives", "Community supported living", "Extra care housing", "Home support or domiciliary care"];
    let types = [
        "Long term support: Nursing care",
        "Long term support: Residential care",
        "Long term support: Community",
        "Long term support: Prison",
        "Short term support: ST-Max",
        "Short term support: Ongoing low level",
        "Short term support: Other short term",
    ];
    let place = |row: &MainRow| {
        types.iter().position(|label| row.row.service.as_deref() == Some(label)).map_or(99, |place| place as i32 + 1)
    };
    let is_useful = |row: &MainRow| row.row.component.as_deref().is_some_and(|label| useful.contains(&label));
    let mut left: Vec<&MainRow> =
        rows.iter().copied().filter(|row| row.row.event.as_deref() == Some("Service")).collect();
    if left.is_empty() {
        return "Unknown".into();
    }
    let narrow = |left: &mut Vec<&MainRow>, by: &dyn Fn(&MainRow) -> i32| {
        let most = left.iter().map(|row| by(row)).max().unwrap();
        left.retain(|row| by(row) == most);
    };
    narrow(&mut left, &|row| row.end.unwrap_or(FAR));
    narrow(&mut left, &|row| -place(row));
    narrow(&mut left, &|row| i32::from(is_useful(row)));
    narrow(&mut left, &|row| row.row.start.unwrap());

    let single = |mut labels: Vec<String>| {
        labels.sort_unstable();
        labels.dedup();
        if labels.len() == 1 { labels.pop().unwrap() } else { String::new() }
    };
    let service = single(left.iter().filter(|row| place(row) != 99).flat_map(|row| row.row.service.clone()).collect());
    let component =
        single(left.iter().filter(|row| is_useful(row)).flat_map(|row| row.row.component.clone()).collect());
    match (service.as_str(), component.as_str()) {
        ("Long term support: Nursing care", _) => "Registered nursing home",
        ("Long term support: Residential care", _) => "Registered care home",
        (_, "Shared Lives") => "Shared Lives scheme",
        (_, "Extra care housing") => "Sheltered housing, extra care housing or other sheltered housing",
        (_, "Community supported living") => "Supported accommodation, supported lodgings or supported group home",
        ("Long term support: Community", "Home support or domiciliary care") => "Unknown: Presumed at home",
        ("Long term support: Community", "") => "Unknown: Presumed in community",
        ("Long term support: Prison", _) => "Prison, young offenders institution or detention centre",
        _ => "Unknown",
    }
    .into()
}

/// Both ends of a period as day numbers.
pub(super) fn bounds(period: ReferencePeriod) -> (i32, i32) {
    (period.first().number(), period.last().number())
}
