//! The most important test here: taking any one person away changes a private answer by no more than the bound that the
//! noise is made for.
//!
//! It goes through the whole catalogue, so a new entry is tested by standing there. The neighbouring tables differ by
//! all rows of one person, links that a carer's rows make to others included.

use folkmoot_proto::catalogue::{self, Measure, Table as Main, Values};
use folkmoot_proto::query::{DataRule, Error, Profile, Query, Release};

use super::kit::span;
use super::random::{Dice, PEOPLE};
use crate::assemble::Variant;
use crate::history::Histories;
use crate::tabulate::{Bounding, tabulate};

const TABLES: u64 = 600;

#[test]
fn nobody_changes_a_private_answer_by_more_than_the_bound() {
    for seed in 0..TABLES {
        let mut dice = Dice::new(seed);
        let table = dice.table();
        let leaver = dice.below(PEOPLE as usize) as u32;
        let [joined, joined_without, single, single_without] = [
            (Variant::Joined, None),
            (Variant::Joined, Some(leaver)),
            (Variant::Single, None),
            (Variant::Single, Some(leaver)),
        ]
        .map(|(variant, without)| table.histories(variant, without));
        for measure in catalogue::all() {
            let (with, without) = match measure.table {
                Main::Joined => (&joined, &joined_without),
                Main::Single => (&single, &single_without),
            };
            for query in [question(measure, &mut dice, true), question(measure, &mut dice, false)].into_iter().flatten()
            {
                check(with, without, &query, seed);
            }
        }
    }
}

/// The default question, or one with a random breakdown, period and settings; none when it would be too large.
fn question(measure: &Measure, dice: &mut Dice, default: bool) -> Option<Query> {
    let periods = [("2024-04-01", "2025-03-31"), ("2025-03-31", "2025-03-31"), ("2024-10-01", "2024-12-31")];
    let (first, last) = if default { periods[0] } else { dice.pick(&periods) };
    let by = (!default).then(|| {
        let mut names: Vec<String> = measure.dimensions.iter().map(|dimension| dimension.name.to_owned()).collect();
        let wanted = dice.below(measure.max_by.min(names.len()) + 1);
        while names.len() > wanted {
            let out = dice.below(names.len());
            names.remove(out);
        }
        names
    });
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
        Query::new(measure.id, span(first, last), by.as_deref(), &[], &settings, DataRule::default(), release).unwrap();
    match folkmoot_proto::layout::Layout::of(&query) {
        Err(Error::TooLarge { .. }) => None,
        laid_out => laid_out.map(|_| query).ok(),
    }
}

fn check(with: &Histories, without: &Histories, query: &Query, seed: u64) {
    let bound = query.bound();
    let private = Bounding::Private { bound, key: &[3; 32] };
    let (_, with) = tabulate(with, query, private).unwrap();
    let (_, without) = tabulate(without, query, private).unwrap();
    let changes = with.cells().iter().zip(without.cells()).map(|(with, without)| with.abs_diff(*without));
    let (mut l1, mut l2) = (0_u64, 0_u128);
    for change in changes {
        l1 += change;
        l2 += u128::from(change).pow(2);
    }
    assert!(
        l1 <= bound.l1() && l2 <= bound.l2_squared(),
        "table {seed}: one person changes `{}` by {l1} (squared {l2}), beyond {} ({})",
        query.sentence(),
        bound.l1(),
        bound.l2_squared()
    );
}
