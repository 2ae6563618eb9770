//! Which data a question is answered from: all that may be read, or all but the people who opted out.

use folkmoot_proto::query::Query;
use folkmoot_proto::reason::{Reason, Refusal};

use super::told::{internal, no_data};
use crate::assemble::{self, Assembly, Options, SnapshotId};
use crate::store::Records;

/// Names the data that a question is answered from, without reading a row. Figures with and without the people who opted
/// out are of different data: a stored answer of one is never given for the other.
pub(crate) fn snapshot(
    records: &Records,
    query: &Query,
    options: &Options,
    opt_out_applied: bool,
) -> Result<SnapshotId, Refusal> {
    let whole = assemble::snapshot(records, options).map_err(|error| no_data(&error, query))?;
    Ok(if opt_out_applied { whole.without_opted_out() } else { whole })
}

/// Names the data by what is in them alone: the same on every as-of day between two submissions.
pub(crate) fn by_content(
    records: &Records,
    query: &Query,
    options: &Options,
    opt_out_applied: bool,
) -> Result<SnapshotId, Refusal> {
    let held = assemble::Source::submissions(records).map_err(|error| internal(&error))?;
    let last = held.iter().map(|submission| submission.received).filter(|day| *day <= options.as_of).max();
    let as_of = last.unwrap_or(options.as_of);
    snapshot(records, query, &Options { as_of, ..*options }, opt_out_applied)
}

/// Refuses where people must be left out and it is not known whom: before a price is put aside, or others wait for this
/// council in a round.
pub(crate) fn check_opt_outs(records: &Records, opt_out_applied: bool) -> Result<(), Refusal> {
    if !opt_out_applied || records.opted_in().map_err(|error| internal(&error))?.is_some() {
        return Ok(());
    }
    Err(no_opt_outs())
}

fn no_opt_outs() -> Refusal {
    Refusal::new(
        Reason::NoData,
        "this council leaves out people with a national data opt-out for this purpose, and has not loaded the list of them",
    )
}

/// The histories behind `snapshot`; refused when they cannot be had, or are not those any more.
pub(crate) fn assembly(
    records: &Records,
    query: &Query,
    options: &Options,
    named: SnapshotId,
    opt_out_applied: bool,
) -> Result<Assembly, Refusal> {
    let assembly = if opt_out_applied {
        let opted_in = records.opted_in().map_err(|error| internal(&error))?.ok_or_else(no_opt_outs)?;
        assemble::assemble(&opted_in, options)
    } else {
        assemble::assemble(records, options)
    }
    .map_err(|error| no_data(&error, query))?;
    // An import, an erasure or a new opt-out list meanwhile: these are not the data that were named to the ledger.
    if snapshot(records, query, options, opt_out_applied)? != named {
        return Err(Refusal::new(
            Reason::Internal,
            "the council's records changed while the answer was made; ask again",
        ));
    }
    Ok(assembly)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use folkmoot_proto::period::{Day, ReferencePeriod};
    use folkmoot_proto::query::{DataRule, Profile, Release};
    use folkmoot_runtime::store::Access;

    use super::*;
    use crate::clean::lists::Aliases;
    use crate::import::columns::Column;
    use crate::import::{self, Source, Unwatched};
    use crate::tabulate::{Bounding, tabulate};

    pub(crate) fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    /// Nine people of 999 numbers in long-term support; the first has a second row without the number.
    pub(crate) fn records(folder: &tempfile::TempDir) -> (Records, Vec<u64>) {
        let records = Records::create(&folder.path().join("records.db"), None, Access::Sole).unwrap();
        let numbers: Vec<u64> = (9_990_000_000..9_990_001_000)
            .filter(|number| {
                let text = format!("{number:010}");
                matches!(
                    crate::clean::identifiers::nhs_number(&text),
                    crate::clean::identifiers::NhsNumber::Valid(_, _)
                )
            })
            .take(9)
            .collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(Column::ALL.iter().map(|column| column.header())).unwrap();
        let mut row = |nhs: &str, id: &str, end: &str| {
            let mut cells = vec![String::new(); Column::ALL.len()];
            for (column, text) in [
                (Column::LaCode, "503"),
                (Column::PeriodStart, "01/04/2024"),
                (Column::PeriodEnd, "31/03/2025"),
                (Column::NhsNumber, nhs),
                (Column::PersonId, id),
                (Column::Gender, "Female"),
                (Column::Birth, "05/06/1950"),
                (Column::ClientType, "Service user"),
                (Column::EventType, "Service"),
                (Column::EventStart, "01/04/2024"),
                (Column::EventEnd, end),
                (Column::ServiceType, "Long term support: Community"),
                (Column::ServiceComponent, "Home support or domiciliary care"),
            ] {
                cells[column.index()] = text.to_owned();
            }
            writer.write_record(&cells).unwrap();
        };
        for (place, number) in numbers.iter().enumerate() {
            // Ends from the first month to the last: the file covers the year.
            let end = if place == 8 { "20/04/2024" } else { "01/03/2025" };
            row(&format!("{number:010}"), &format!("P{place}"), end);
        }
        row("", "P0", "01/02/2025");
        let bytes = writer.into_inner().unwrap();
        let options = import::Options {
            council: "503".parse().unwrap(),
            received: day("2025-04-15"),
            imported_at: 0,
            dry_run: false,
            force_council: false,
            aliases: Aliases::default(),
        };
        import::import(&records, &Source::bytes("a.csv", bytes), &options, &mut Unwatched).unwrap();
        (records, numbers)
    }

    fn question() -> (Query, Options) {
        let period = ReferencePeriod::inclusive(day("2024-04-01"), day("2025-03-31")).unwrap();
        let release = Release::CouncilSuppressed(Profile::Hospital);
        let query = Query::new("PEOPLE", period, Some(&[]), &[], &[], DataRule::default(), release).unwrap();
        let options = crate::local::options(&query, day("2025-05-01"));
        (query, options)
    }

    fn people(records: &Records, opt_out_applied: bool) -> Result<i64, Refusal> {
        let (query, options) = question();
        let named = snapshot(records, &query, &options, opt_out_applied)?;
        let assembly = assembly(records, &query, &options, named, opt_out_applied)?;
        let (layout, counts) = tabulate(&assembly.histories, &query, Bounding::Official).unwrap();
        Ok(counts.for_own_eyes(&layout)[0])
    }

    #[test]
    fn without_a_list_nobody_can_be_left_out_so_nothing_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let (records, _) = records(&folder);
        assert_eq!(people(&records, false).unwrap(), 10, "a person's rows without the number are somebody else's");
        assert_eq!(people(&records, true).unwrap_err().reason(), Reason::NoData);
        records.load_opt_outs([], day("2025-05-01")).unwrap();
        assert_eq!(people(&records, true).unwrap(), 10, "an empty list is a list");
    }

    #[test]
    fn people_who_opted_out_are_left_out_where_it_applies_and_only_there() {
        let folder = tempfile::tempdir().unwrap();
        let (records, numbers) = records(&folder);
        records.load_opt_outs(numbers[..2].iter().copied(), day("2025-05-01")).unwrap();
        assert_eq!(people(&records, false).unwrap(), 10);
        assert_eq!(people(&records, true).unwrap(), 7, "two people, and the row under the first one's council id");
        records.load_opt_outs([numbers[4]], day("2025-05-02")).unwrap();
        assert_eq!(people(&records, true).unwrap(), 9, "a list replaces the one before");
    }

    #[test]
    fn people_who_are_restricted_or_erased_are_in_no_answer_of_any_kind() {
        let folder = tempfile::tempdir().unwrap();
        let (records, numbers) = records(&folder);
        records.load_opt_outs([numbers[8]], day("2025-05-01")).unwrap();
        records.restrict_person(&crate::store::PersonId::Nhs(numbers[1]), day("2025-05-01")).unwrap();
        records.erase_person(&crate::store::PersonId::Nhs(numbers[2]), day("2025-05-01")).unwrap();
        // Council figures and masked vectors are both made from these histories.
        assert_eq!((people(&records, false).unwrap(), people(&records, true).unwrap()), (8, 7));
    }

    #[test]
    fn data_with_and_without_opted_out_people_never_share_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let (records, numbers) = records(&folder);
        let (query, options) = question();
        let name = |applied| snapshot(&records, &query, &options, applied).unwrap();
        records.load_opt_outs([numbers[0]], day("2025-05-01")).unwrap();
        let (all, some) = (name(false), name(true));
        assert_ne!(all, some);
        assert_eq!((all, some), (name(false), name(true)));
        records.load_opt_outs([numbers[1]], day("2025-05-01")).unwrap();
        assert_ne!(some, name(true), "another list, other data");
        let late = assembly(&records, &query, &options, some, true);
        assert_eq!(late.err().unwrap().reason(), Reason::Internal, "data that changed under an answer give none");
    }
}
