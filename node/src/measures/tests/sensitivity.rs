//! The most important test here: taking any one person away changes a private answer by no more than the bound that the
//! noise is made for.
//!
//! It goes through the whole catalogue, so a new entry is tested by standing there: by random breakdowns, filters and
//! settings, which must between them have used every dimension, every choice and both ends of every number. The
//! neighbouring tables differ by all rows of one person, links that a carer's rows make to others included.

use std::collections::BTreeSet;

use folkmoot_proto::catalogue::{self, Measure, Table as Main, Values};
use folkmoot_proto::layout::Layout;
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::query::{DataRule, Error, Filter, Profile, Query, Release};

use super::kit::span;
use super::random::{Dice, PEOPLE, Table, Whose};
use crate::assemble::Variant;
use crate::history::Histories;
use crate::tabulate::{Bounding, tabulate};

const TABLES: u64 = 300;

/// The histories of a table with and without one person, and of that person and of nobody.
struct Neighbours([Histories; 4]);

impl Neighbours {
    fn new(table: &Table, variant: Variant, leaver: u32) -> Self {
        let whose = [Whose::Everybody, Whose::AllBut(leaver), Whose::Only(leaver), Whose::Nobody];
        Self(whose.map(|whose| table.histories(variant, whose)))
    }

    /// What taking the person away takes from each cell, and what the person's own rows alone put there.
    fn change(&self, query: &Query, bounding: Bounding<'_>) -> (Vec<i64>, Vec<i64>) {
        let [with, without, only, nobody] =
            self.0.each_ref().map(|histories| tabulate(histories, query, bounding).unwrap().1);
        let less = |more: &[i64], less: &[i64]| more.iter().zip(less).map(|(more, less)| more - less).collect();
        (less(with.cells(), without.cells()), less(only.cells(), nobody.cells()))
    }
}

fn variant(measure: &Measure) -> Variant {
    match measure.table {
        Main::Joined => Variant::Joined,
        Main::Single => Variant::Single,
        Main::SingleWithCodes => Variant::SingleWithCodes,
    }
}

#[test]
fn nobody_changes_a_private_answer_by_more_than_the_bound() {
    let mut used = Used::default();
    for seed in 0..TABLES {
        let mut dice = Dice::new(seed);
        let table = dice.table();
        let leaver = dice.below(PEOPLE as usize) as u32;
        let tables = [Variant::Joined, Variant::Single, Variant::SingleWithCodes]
            .map(|variant| (variant, Neighbours::new(&table, variant, leaver)));
        for measure in catalogue::all() {
            let neighbours = &tables.iter().find(|(held, _)| *held == variant(measure)).unwrap().1;
            for query in [question(measure, &mut dice, true), question(measure, &mut dice, false)].into_iter().flatten()
            {
                // Both private kinds cut a person's contributions in one way.
                let bound = query.bound();
                assert!(query.with_release(Release::JointPrivate(Rho::from_nano(1_000).unwrap())).bound() == bound);
                let private = Bounding::Private { bound, key: &[3; 32] };
                let (change, own) = neighbours.change(&query, private);
                assert_eq!(change, own, "table {seed}: somebody else changes with `{}`", query.sentence());
                let l1: u64 = change.iter().map(|cell| cell.unsigned_abs()).sum();
                let l2: u128 = change.iter().map(|cell| u128::from(cell.unsigned_abs()).pow(2)).sum();
                assert!(
                    l1 <= bound.l1() && l2 <= bound.l2_squared(),
                    "table {seed}: one person changes `{}` by {l1} (squared {l2}), beyond {} ({})",
                    query.sentence(),
                    bound.l1(),
                    bound.l2_squared()
                );
                used.note(&query, l1 == bound.l1());
            }
        }
    }
    used.check();
}

#[test]
fn in_suppressed_answers_a_person_counts_by_nothing_but_themselves() {
    for seed in 0..TABLES / 4 {
        let mut dice = Dice::new(seed);
        // Links on carers' rows, which tell that others have a carer, are the published exception.
        let table = dice.table().without_links();
        let leaver = dice.below(PEOPLE as usize) as u32;
        let tables = [Variant::Joined, Variant::Single, Variant::SingleWithCodes]
            .map(|variant| (variant, Neighbours::new(&table, variant, leaver)));
        for measure in catalogue::all() {
            let neighbours = &tables.iter().find(|(held, _)| *held == variant(measure)).unwrap().1;
            let Some(query) = question(measure, &mut dice, false) else { continue };
            let (change, own) = neighbours.change(&query, Bounding::Official);
            assert_eq!(change, own, "table {seed}: somebody else changes with `{}`", query.sentence());
        }
    }
}

/// What the questions of a run asked for.
#[derive(Default)]
struct Used {
    by: BTreeSet<(&'static str, &'static str)>,
    filtered: BTreeSet<(&'static str, &'static str)>,
    settings: BTreeSet<(&'static str, String)>,
    reached: BTreeSet<&'static str>,
}

impl Used {
    fn note(&mut self, query: &Query, reached: bool) {
        let measure = query.measure();
        let name = |place: usize| (measure.id, measure.dimensions[place].name);
        self.by.extend(query.by().iter().map(|&place| name(place)));
        self.filtered.extend(query.filters().iter().map(|(place, _)| name(*place)));
        self.settings
            .extend(query.settings().iter().map(|(setting, value)| (measure.id, format!("{setting}={value}"))));
        if reached {
            self.reached.insert(measure.id);
        }
    }

    /// A question that nobody asked is a bound that nobody tested.
    fn check(&self) {
        let mut missing = Vec::new();
        let mut need = |there: bool, what: String| {
            if !there {
                missing.push(what);
            }
        };
        for measure in catalogue::all() {
            let id = measure.id;
            need(self.reached.contains(id), format!("a person who changes {id} by its whole bound"));
            for dimension in measure.dimensions {
                let name = dimension.name;
                need(self.by.contains(&(id, name)), format!("{id} by {name}"));
                let one_category = dimension.categories.labels(span("2024-04-01", "2025-03-31")).len() == 1;
                need(one_category || self.filtered.contains(&(id, name)), format!("{id} filtered by {name}"));
            }
            for setting in measure.options {
                let values: Vec<String> = match setting.values {
                    Values::Choice(words) => words.iter().map(|&word| word.to_owned()).collect(),
                    Values::Integer { least, most, .. } => vec![least.to_string(), most.to_string()],
                };
                for value in values {
                    let asked = format!("{}={value}", setting.name);
                    need(self.settings.contains(&(id, asked.clone())), format!("{id} with {asked}"));
                }
            }
        }
        assert!(missing.is_empty(), "no random question asked for: {missing:?}");
    }
}

/// The default question, or one with a random breakdown, filters, period and settings; none when it would be too large.
fn question(measure: &Measure, dice: &mut Dice, default: bool) -> Option<Query> {
    let periods = [("2024-04-01", "2025-03-31"), ("2025-03-31", "2025-03-31"), ("2024-10-01", "2024-12-31")];
    let (first, last) = if default { periods[0] } else { dice.pick(&periods) };
    let period = span(first, last);
    let by = (!default).then(|| {
        let mut names: Vec<String> = measure.dimensions.iter().map(|dimension| dimension.name.to_owned()).collect();
        let wanted = dice.below(measure.max_by.min(names.len()) + 1);
        while names.len() > wanted {
            let out = dice.below(names.len());
            names.remove(out);
        }
        names
    });
    let filters: Vec<Filter> = measure
        .dimensions
        .iter()
        .filter(|_| !default && dice.chance(20))
        .map(|dimension| dimension.name.to_owned())
        .collect::<Vec<_>>()
        .into_iter()
        .map(|name| {
            let labels = measure.dimension(&name).unwrap().categories.labels(period);
            let mut categories: Vec<String> = labels.iter().filter(|_| dice.chance(60)).cloned().collect();
            if categories.is_empty() {
                categories.push(labels[dice.below(labels.len())].clone());
            }
            Filter { dimension: name, categories }
        })
        .collect();
    let settings: Vec<_> = measure
        .options
        .iter()
        .filter(|_| !default)
        .map(|setting| {
            let value = match setting.values {
                Values::Choice(words) => dice.pick(words).to_owned(),
                Values::Integer { least, most, default } => dice.pick(&[least, most, default]).to_string(),
            };
            (setting.name.to_owned(), value)
        })
        .collect();
    let release = Release::CouncilSuppressed(Profile::Hospital);
    let query =
        Query::new(measure.id, period, by.as_deref(), &filters, &settings, DataRule::default(), release).unwrap();
    match Layout::of(&query) {
        Err(Error::TooLarge { .. }) => None,
        laid_out => laid_out.map(|_| query).ok(),
    }
}
