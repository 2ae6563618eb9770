//! From the text of a worked example to histories, and from histories to named figures.

use std::collections::BTreeMap;

use folkmoot_proto::codelist::{ClientType, CodeList, Coded, EventType};
use folkmoot_proto::period::{Day, Month, ReferencePeriod};
use folkmoot_proto::query::{DataRule, Profile, Query, Release};

use crate::assemble::{KeyReading, Variant, join};
use crate::history::Histories;
use crate::row::{EventKind, Interned, RawKey, Row};
use crate::tabulate::{Bounding, tabulate};

/// A day of the test's own.
pub(super) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A period of the test's own, both days included.
pub(super) fn span(first: &str, last: &str) -> ReferencePeriod {
    ReferencePeriod::inclusive(day(first), day(last)).unwrap()
}

/// The year of the worked examples.
pub(super) fn year() -> ReferencePeriod {
    span("2024-04-01", "2025-03-31")
}

/// The text with one of its lines (or a part of one) changed; the part must stand in it once.
pub(super) fn changed(csv: &str, from: &str, to: &str) -> String {
    assert_eq!(csv.matches(from).count(), 1, "`{from}` must stand in the example once");
    csv.replace(from, to)
}

/// Rows of a main table as comma-separated text with a header, by the reference period that the column `ref` names.
///
/// Columns are release 2 labels under short names; a missing `event_type` is a service, a missing `client` a service
/// user, `INVALID` is a value that no list explains. Every row is an event of its own: main tables hold no two rows of
/// one event.
pub(super) fn rows(csv: &str) -> Vec<(String, Row)> {
    let mut reader = csv::ReaderBuilder::new().from_reader(csv.trim().as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let known = [
        "row",
        "person",
        "birth",
        "death",
        "ref",
        "client",
        "event_type",
        "service_type",
        "component",
        "mechanism",
        "start",
        "end",
        "outcome",
        "gender",
        "ethnicity",
        "accommodation",
        "employment",
        "reason",
        "con",
        "linked",
        "la_id",
        "route",
    ];
    for name in &header {
        assert!(known.contains(&name.as_str()), "the example has the unknown column `{name}`");
    }
    let mut ids = BTreeMap::new();
    let mut intern = move |text: &str| {
        let next = ids.len() as u32 + 1;
        (!text.is_empty()).then(|| Interned(*ids.entry(text.to_owned()).or_insert(next)))
    };
    let mut all = Vec::new();
    for record in reader.records() {
        let record = record.unwrap();
        let cell = |name: &str| header.iter().position(|known| known == name).map_or("", |place| record[place].trim());
        let number: u32 = cell("row").parse().unwrap();
        let date = |name| (!cell(name).is_empty()).then(|| day(cell(name)));
        let event = match cell("event_type") {
            "" => EventType::Service,
            label => EventType::from_label(label).unwrap(),
        };
        let client = match cell("client") {
            "" => Coded::Value(ClientType::ServiceUser),
            label => code(label),
        };
        let row = Row {
            person: intern(cell("person")),
            person_is_nhs: true,
            la_person: intern(cell("la_id")),
            linked: [intern(cell("linked")), None, None],
            client,
            event: EventKind::Known(event),
            start: date("start"),
            end: date("end"),
            death: date("death"),
            birth: month(cell("birth")),
            gender: code(cell("gender")),
            ethnicity: code(cell("ethnicity")),
            reason: code(cell("reason")),
            accommodation: code(cell("accommodation")),
            employment: code(cell("employment")),
            has_carer: code(cell("con")),
            outcome: code(cell("outcome")),
            route: code(cell("route")),
            service: code(cell("service_type")),
            component: code(cell("component")),
            mechanism: code(cell("mechanism")),
            raw: own_key(number),
            ..Row::blank(number)
        };
        all.push((cell("ref").to_owned(), row));
    }
    all
}

/// Raw texts that no other row has, so that the row is an event of its own.
pub(super) fn own_key(number: u32) -> RawKey {
    RawKey { client: Some(Interned(number)), route: None, assessment: None, service: None, component: None }
}

fn month(text: &str) -> Option<Month> {
    let (year, month) = text.split_once('-')?;
    Month::new(year.parse().unwrap(), month.parse().unwrap())
}

fn code<T: CodeList>(label: &str) -> Coded<T> {
    match label {
        "" => Coded::Blank,
        "INVALID" => Coded::Invalid,
        label => Coded::Value(T::from_label(label).unwrap_or_else(|| panic!("{} has no `{label}`", T::NAME))),
    }
}

/// Histories of an example whose rows are all of one file with this reference period.
pub(super) fn one_file(csv: &str, file: ReferencePeriod, details: ReferencePeriod) -> Histories {
    let rows: Vec<Row> = rows(csv).into_iter().map(|(_, row)| row).collect();
    let histories = join(&[(file, &rows)], details, Variant::Joined, KeyReading::Raw).unwrap();
    assert_eq!(histories.events(), rows.len(), "every row of the example is in the main table");
    histories
}

/// Histories of an example whose column `ref` names one of these files.
pub(super) fn files(csv: &str, files: &[(&str, ReferencePeriod)], details: ReferencePeriod) -> Histories {
    let rows = rows(csv);
    let parts: Vec<(ReferencePeriod, Vec<Row>)> = files
        .iter()
        .map(|(name, period)| {
            (*period, rows.iter().filter(|(own, _)| own == name).map(|(_, row)| row.clone()).collect())
        })
        .collect();
    let parts: Vec<(ReferencePeriod, &[Row])> = parts.iter().map(|(period, rows)| (*period, rows.as_slice())).collect();
    let histories = join(&parts, details, Variant::Joined, KeyReading::Raw).unwrap();
    assert_eq!(histories.events(), rows.len(), "every row of the example is in the main table");
    histories
}

/// Figures that are not nought, by `group/component`: cells and published sums.
pub(super) type Figures = BTreeMap<String, i64>;

/// The exact figures of a measure in its default breakdown.
pub(super) fn figures(histories: &Histories, measure: &str, period: ReferencePeriod) -> Figures {
    asked(histories, measure, period, None, &[])
}

/// The exact figures of a measure in some breakdown and with some settings.
pub(super) fn asked(
    histories: &Histories,
    measure: &str,
    period: ReferencePeriod,
    by: Option<&[&str]>,
    settings: &[(&str, &str)],
) -> Figures {
    let by: Option<Vec<String>> = by.map(|names| names.iter().map(|&name| name.to_owned()).collect());
    let settings: Vec<_> = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let release = Release::CouncilSuppressed(Profile::Hospital);
    let query = Query::new(measure, period, by.as_deref(), &[], &settings, DataRule::default(), release).unwrap();
    let (layout, counts) = tabulate(histories, &query, Bounding::Official).unwrap();
    let figures = counts.for_own_eyes(&layout);
    (0..layout.len())
        .filter(|&figure| figures[figure] != 0)
        .map(|figure| (format!("{}/{}", layout.group(figure), layout.component(figure)), figures[figure]))
        .collect()
}

/// One figure, nought when it is not there.
pub(super) fn at(figures: &Figures, name: &str) -> i64 {
    figures.get(name).copied().unwrap_or(0)
}

/// Numerator and denominator of a group.
pub(super) fn ratio(figures: &Figures, group: &str) -> (i64, i64) {
    let (yes, no) = (at(figures, &format!("{group}/yes")), at(figures, &format!("{group}/no")));
    (yes, yes + no)
}

/// The figures that are there, exactly.
pub(super) fn exactly(figures: &Figures, expected: &[(&str, i64)]) {
    let expected: Figures = expected.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
    assert_eq!(*figures, expected);
}
