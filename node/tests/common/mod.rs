//! Small files and a store to import them into.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use folkmoot_node::clean::lists::Aliases;
use folkmoot_node::import::columns::Column;
use folkmoot_node::import::{self, Error, Finding, Options, Outcome, Source, Summary, Watch, import};
use folkmoot_node::row::Row;
use folkmoot_node::store::{PersonId, Records};
use folkmoot_proto::period::Day;
use folkmoot_runtime::store::{Access, Key};

pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub fn options() -> Options {
    Options {
        council: "503".parse().unwrap(),
        received: day("2025-04-15"),
        imported_at: 1_744_700_000,
        dry_run: false,
        force_council: false,
        aliases: Aliases::default(),
    }
}

/// A store in a folder of its own, which goes with it.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub records: Records,
}

/// A key made for one test.
pub fn key(folder: &std::path::Path, byte: u8) -> Key {
    let path = folder.join(format!("key{byte}"));
    std::fs::write(&path, hex::encode([byte; 32])).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    Key::load(&path).unwrap()
}

pub fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let key = key(folder.path(), 7);
    let records = Records::create(&folder.path().join("records.db"), Some(key), Access::Sole).unwrap();
    Place { folder, records }
}

/// Cells of one row, by column; a service in the community unless told otherwise.
#[derive(Clone)]
pub struct Cells(pub Vec<String>);

impl Cells {
    pub fn service() -> Self {
        let mut cells = Self(vec![String::new(); Column::ALL.len()]);
        use Column::*;
        for (column, text) in [
            (LaCode, "503"),
            (PeriodStart, "01/04/2024"),
            (PeriodEnd, "31/03/2025"),
            (NhsNumber, "9990000018"),
            (PersonId, "P100"),
            (Gender, "Female"),
            (Ethnicity, "White: Irish"),
            (Birth, "05/06/1950"),
            (ClientType, "Service user"),
            (SupportReason, "Physical support: Personal care support"),
            (Postcode, "ZZ99 3VZ"),
            (Accommodation, "Tenant: Private landlord"),
            (HasCarer, "No"),
            (Funding, "Fully social care funded"),
            (EventType, "Service"),
            (EventStart, "01/05/2024"),
            (EventEnd, "01/02/2025"),
            (EventOutcome, "NFA: Support ended as planned"),
            (ServiceType, "Long term support: Community"),
            (ServiceComponent, "Home support or domiciliary care"),
            (Mechanism, "CASSR commissioned support"),
            (UnitCost, "250.00"),
            (CostFrequency, "Weekly"),
            (PlannedUnits, "1.00"),
        ] {
            cells.0[column.index()] = text.to_owned();
        }
        cells
    }

    pub fn with(mut self, column: Column, text: &str) -> Self {
        self.0[column.index()] = text.to_owned();
        self
    }
}

pub fn headers() -> Vec<&'static str> {
    Column::ALL.iter().map(|column| column.header()).collect()
}

pub fn csv(rows: &[Cells]) -> Vec<u8> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(headers()).unwrap();
    for row in rows {
        out.write_record(&row.0).unwrap();
    }
    out.into_inner().unwrap()
}

/// Every finding as `row column rule value`.
#[derive(Default)]
pub struct Heard(pub Vec<String>);

impl Watch for Heard {
    fn finding(&mut self, finding: &Finding<'_>) -> std::io::Result<()> {
        let column = finding.column.map_or("row", Column::field);
        self.0.push(format!("{} {column} {} {}", finding.row, finding.rule.id(), finding.value.unwrap_or("-")));
        Ok(())
    }
}

pub fn take(place: &Place, name: &str, bytes: &[u8], options: &Options) -> Result<(Summary, Vec<String>), Error> {
    let mut heard = Heard::default();
    match import(&place.records, &Source::bytes(name, bytes), options, &mut heard)? {
        Outcome::Imported(summary) | Outcome::DryRun(summary) => Ok((summary, heard.0)),
        Outcome::AlreadyHeld { submission } => panic!("held as {submission}"),
    }
}

/// Imports one row beside a clean one of somebody else, so that a rejected row does not refuse the file.
pub fn one(cells: Cells) -> (Vec<Row>, Vec<String>) {
    let place = place();
    let other =
        Cells::service().with(Column::NhsNumber, "").with(Column::PersonId, "OTHER").with(Column::FirstName, "x");
    let (summary, heard) = take(&place, "one.csv", &csv(&[other, cells]), &options()).unwrap();
    let heard = heard.into_iter().filter(|line| line.starts_with("3 ")).collect();
    let rows = rows(&place, summary.submission).into_iter().filter(|row| row.number == 3).collect();
    (rows, heard)
}

pub fn rows(place: &Place, submission: i64) -> Vec<Row> {
    let mut all = Vec::new();
    place.records.rows(submission, |row| all.push(row.clone())).unwrap();
    all
}

pub fn nhs(number: u64) -> PersonId {
    PersonId::Nhs(number)
}

#[allow(unused_imports)]
pub use import::columns::Column as Col;
