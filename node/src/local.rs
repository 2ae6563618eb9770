//! Exact figures for the council's own eyes: assembled, counted, and shown on the council's own terminal.
//!
//! The one way around protection. It works on the machine that holds the records, is written to the audit log by its
//! caller, and hands over text for people, never a message. [`preview`] is what a person who decides on a question looks at:
//! what would leave, and nothing else.

mod preview;

use folkmoot_proto::catalogue::{Kind, Table};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::layout::Layout;
use folkmoot_proto::period::Day;
use folkmoot_proto::query::{self, Query};

use crate::assemble::{self, Assembly, Options, Source, Variant};
use crate::tabulate::{self, Bounding};

pub use preview::{Preview, preview, state_of_data};

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The question cannot be laid out.
    #[error("laying the question out")]
    Question(#[from] query::Error),
    /// The records could not be assembled.
    #[error("assembling the histories")]
    Assemble(#[from] assemble::Error),
    /// Writing the result.
    #[error("writing the figures")]
    Write(#[from] csv::Error),
}

/// How a question's data rule and measure choose the table to assemble.
pub fn options(query: &Query, today: Day) -> Options {
    let data = query.data();
    Options {
        as_of: data.as_of.unwrap_or(today),
        joined: data.joined,
        variant: match query.measure().table {
            Table::Joined => Variant::Joined,
            Table::Single => Variant::Single,
            Table::SingleWithCodes => Variant::SingleWithCodes,
        },
        key: match data.key {
            query::KeyReading::Raw => assemble::KeyReading::Raw,
            query::KeyReading::Cleaned => assemble::KeyReading::Cleaned,
        },
    }
}

/// Exact figures of one council, for its own terminal.
///
/// **Guarantee**: no `Debug`, no `Serialize`: it can only be written out by the two functions below.
pub struct Figures {
    query: Query,
    layout: Layout,
    figures: Vec<i64>,
    /// What was assembled: submissions, window, warnings. Nothing about people.
    notes: Vec<String>,
}

/// Computes exact figures.
///
/// # Errors
/// [`Error::Question`], [`Error::Assemble`].
pub fn measure<S: Source>(source: &S, query: &Query, today: Day) -> Result<Figures, Error> {
    // What cannot be laid out is refused before a row is read.
    Layout::of(query)?;
    let assembly = assemble::assemble(source, &options(query, today))?;
    let (layout, counts) = tabulate::tabulate(&assembly.histories, query, Bounding::Official)?;
    Ok(Figures { query: query.clone(), figures: counts.for_own_eyes(&layout), layout, notes: notes(&assembly, query) })
}

fn notes(assembly: &Assembly, query: &Query) -> Vec<String> {
    let used = match assembly.used.len() {
        1 => "1 submission".to_owned(),
        more => format!("{more} submissions joined"),
    };
    let mut notes = vec![format!("{used} over {}; snapshot {}", assembly.window, assembly.snapshot)];
    notes.extend(assembly.warnings.iter().map(ToString::to_string));
    let period = query.period();
    let window = assembly.window;
    if period.first() > window.last() || period.last() < window.first() {
        notes.push(format!(
            "the figures are about {period}, of which the submissions cover nothing: a nought means nothing"
        ));
    } else if period.last() > window.last() || period.first() < window.first() {
        notes.push(format!("the figures are about {period}, which the submissions cover only in part"));
    }
    notes
}

impl Figures {
    /// Sentences about the data behind the figures; nothing about people.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Tidy CSV: `council,measure,version,period_start,period_end,group,component,value`, every cell of the layout,
    /// then the sums that the publication shows.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn csv(&self, council: CouncilCode, out: impl std::io::Write) -> Result<(), Error> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record([
            "council",
            "measure",
            "version",
            "period_start",
            "period_end",
            "group",
            "component",
            "value",
        ])?;
        let (measure, period) = (self.query.measure(), self.query.period());
        for (figure, value) in self.figures.iter().enumerate() {
            writer.write_record([
                council.as_str(),
                measure.id,
                &measure.version.to_string(),
                &period.first().to_string(),
                &period.last().to_string(),
                &self.layout.group(figure),
                self.layout.component(figure),
                &value.to_string(),
            ])?;
        }
        writer.flush().map_err(csv::Error::from)?;
        Ok(())
    }

    /// The same as a JSON document.
    pub fn json(&self, council: CouncilCode) -> serde_json::Value {
        let (measure, period) = (self.query.measure(), self.query.period());
        let figures: Vec<_> = self
            .figures
            .iter()
            .enumerate()
            .map(|(figure, value)| {
                let (pairs, component) = self.layout.values(figure);
                let group: serde_json::Map<_, _> =
                    pairs.into_iter().map(|(name, label)| (name.to_owned(), label.into())).collect();
                serde_json::json!({ "group": group, "component": component, "value": value })
            })
            .collect();
        serde_json::json!({
            "council": council.as_str(),
            "measure": measure.id,
            "version": measure.version,
            "period_start": period.first().to_string(),
            "period_end": period.last().to_string(),
            "figures": figures,
            "notes": self.notes,
        })
    }

    /// A table for people; for a ratio with its percentage as published. A long one leaves out the groups of nobody, and says
    /// how many.
    pub fn table(&self) -> Vec<Vec<String>> {
        let ratio = self.query.measure().kind == Kind::Ratio;
        let mut rows = vec![if ratio {
            vec!["group".into(), "yes".into(), "all".into(), "%".into()]
        } else {
            vec!["group".into(), self.query.measure().unit.word().into()]
        }];
        let long = self.layout.len() > LONG_TABLE;
        let mut left_out = 0_usize;
        for figure in 0..self.layout.len() {
            let (own, group) = (self.figures[figure], self.layout.group(figure).replace(';', ", "));
            let total = group.is_empty();
            let group = if total { "total".to_owned() } else { group };
            let all = match ratio {
                true if self.layout.component_place(figure) != 0 => continue,
                true => own + self.figures[self.layout.with_component(figure, 1)],
                false => own,
            };
            if long && !total && own == 0 && all == 0 {
                left_out += 1;
            } else if ratio {
                rows.push(vec![group, own.to_string(), all.to_string(), percentage(own, all)]);
            } else {
                rows.push(vec![group, own.to_string()]);
            }
        }
        if left_out > 0 {
            rows.push(vec![format!("({left_out} groups of nought left out; csv and json have them)")]);
        }
        rows
    }
}

/// A table of more figures than this is read for who is there, not for who is not.
const LONG_TABLE: usize = 100;

/// A percentage to one decimal, half away from zero; 0.0 for an empty denominator, as the official tables have it.
pub fn percentage(yes: i64, all: i64) -> String {
    if all <= 0 {
        return "0.0".to_owned();
    }
    let tenths = (yes * 2000 + all).div_euclid(2 * all);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use folkmoot_proto::period::ReferencePeriod;
    use folkmoot_proto::query::{DataRule, Profile, Query, Release};

    use super::{Error, measure, percentage};
    use crate::assemble::{Memory, Source, Submission};
    use crate::clean::cells::CellCodes;
    use crate::row::Row;

    /// Records that nobody may read.
    struct Closed;

    impl Source for Closed {
        type Error = Infallible;

        fn submissions(&self) -> Result<Vec<Submission>, Infallible> {
            panic!("the submissions were read")
        }

        fn rows(&self, _: i64, _: &mut dyn FnMut(&Row)) -> Result<(), Infallible> {
            panic!("the rows were read")
        }

        fn coded_rows(&self, _: i64, _: &mut dyn FnMut(&Row, &CellCodes)) -> Result<(), Infallible> {
            panic!("the rows were read")
        }
    }

    #[test]
    fn a_long_table_leaves_out_the_groups_of_nobody_and_says_so() {
        let day = |text: &str| text.parse().expect("the test's own date");
        let year = ReferencePeriod::inclusive(day("2024-04-01"), day("2025-03-31")).expect("forwards");
        let mut row = Row::blank(2);
        row.person = Some(crate::row::Interned(1));
        row.event = crate::row::EventKind::Known(folkmoot_proto::codelist::EventType::Review);
        (row.start, row.end) = (Some(day("2024-04-05")), Some(day("2024-04-06")));
        let mut last = row.clone();
        (last.number, last.start, last.end) = (3, Some(day("2025-03-05")), Some(day("2025-03-06")));
        let mut held = Memory::default();
        held.add(day("2025-04-20"), vec![row, last]);
        let ask = |by: &[&str], period| {
            let by: Vec<_> = by.iter().map(|&name| name.to_owned()).collect();
            let release = Release::CouncilSuppressed(Profile::Hospital);
            let query =
                Query::new("reviews", period, Some(&by), &[], &[], DataRule::default(), release).expect("a question");
            measure(&held, &query, day("2025-05-01")).expect("measured")
        };
        let table = ask(&["month", "review_reason"], year).table();
        let shown: Vec<_> = table.iter().map(|row| row.join(" ")).collect();
        assert_eq!(shown[1], "month=2024-04, review_reason=Blank 1");
        assert_eq!(shown[2], "month=2025-03, review_reason=Blank 1");
        assert!(shown.iter().any(|row| row == "total 2"), "{shown:?}");
        assert!(shown.last().is_some_and(|row| row.starts_with('(') && row.contains("left out")), "{shown:?}");
        assert_eq!(ask(&["month"], year).table().len(), 1 + 12 + 1, "a short one shows every group");

        let later = ReferencePeriod::inclusive(day("2030-04-01"), day("2031-03-31")).expect("forwards");
        assert!(ask(&["month"], later).notes().iter().any(|note| note.contains("cover nothing")));
        assert!(ask(&["month"], year).notes()[0].starts_with("1 submission over"));
    }

    #[test]
    fn what_cannot_be_laid_out_is_refused_before_anything_is_read() {
        let day = |text: &str| text.parse().expect("the test's own date");
        let period = ReferencePeriod::inclusive(day("2016-01-01"), day("2025-12-31")).expect("forwards");
        let by = ["month", "service_component", "primary_support_reason", "ethnic_group"].map(str::to_owned);
        let release = Release::CouncilSuppressed(Profile::Hospital);
        let query = Query::new("services", period, Some(&by), &[], &[], DataRule::default(), release)
            .expect("a valid question");
        assert!(matches!(measure(&Closed, &query, day("2025-12-31")), Err(Error::Question(_))));
    }

    #[test]
    fn percentages_round_half_away_from_zero() {
        assert_eq!(percentage(1, 2), "50.0");
        assert_eq!(percentage(2, 3), "66.7");
        assert_eq!(percentage(1, 800), "0.1");
        assert_eq!(percentage(1, 2000), "0.1");
        assert_eq!(percentage(0, 0), "0.0");
        assert_eq!(percentage(3, 3), "100.0");
    }
}
