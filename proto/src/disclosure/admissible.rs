//! Which questions may be answered with suppressed figures at all.
//!
//! Suppressed figures carry no noise, so two tables that differ by few people give those people away: everybody but one
//! category less everybody but that and another; a year less the year but for a day. No rule that looks at the people
//! themselves can stop it, since the refusal would tell what it saw. So questions are held to shapes of which no two
//! differ by a choice of the asker's, whatever the data are and whatever was asked before:
//!
//! - filters keep one category of a dimension, so that a filtered table is a slice of a broken-down one;
//! - periods are whole calendar months, and days the last of a month;
//! - under `ascof`, where a council's counts stay exact: the measure as it is published, in whole quarters, and no other
//!   breakdown, filter or setting, since exact tables of one statistic give each other's hidden figures away.
//!
//! # Source
//! Handbook on Statistical Disclosure Control, section 4.3 on linked tables and 5.4 on differencing.

use super::Profile;
use crate::catalogue::{Settings, Window};
use crate::query::{Query, Release};

/// Why a question is answered with noise only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Inadmissible {
    /// A filter that keeps several categories.
    #[error(
        "suppressed figures are filtered to one category of a dimension at a time: the filter on `{dimension}` keeps \
         {kept}. Tables that differ by one category of several could be subtracted; break down by it, or ask for a \
         private release kind"
    )]
    Filter {
        /// The dimension.
        dimension: &'static str,
        /// Categories kept.
        kept: usize,
    },
    /// A period that does not begin and end with a month.
    #[error(
        "suppressed figures are given for whole calendar months (a day must be the last of a month), and {0} is not: \
         tables that differ by days could be subtracted. Ask for whole months, or for a private release kind"
    )]
    Months(String),
    /// A period that does not begin and end with a quarter, under `ascof`.
    #[error(
        "the profile `ascof` leaves counts exact, so its figures are given for whole quarters (a day must be the last of \
         one), and {0} is not. Ask for whole quarters, with the profile `hospital`, or for a private release kind"
    )]
    Quarters(String),
    /// Another table than the published one, under `ascof`.
    #[error(
        "the profile `ascof` leaves counts exact, so it gives {measure} as published and no other breakdown, filter or \
         setting: exact tables of one statistic would give each other's hidden figures away. Ask with the profile \
         `hospital`, or for a private release kind"
    )]
    Published {
        /// The measure.
        measure: &'static str,
    },
}

/// Whether a question may be answered with suppressed figures. Questions for figures with noise always may.
///
/// # Guarantee
/// Depends on the question alone, never on data or on what was asked before.
///
/// # Errors
/// [`Inadmissible`], in words for whoever asks.
pub fn admissible(query: &Query) -> Result<(), Inadmissible> {
    let Some(profile) = query.release().profile() else { return Ok(()) };
    let measure = query.measure();
    if let Some((place, kept)) = query.filters().iter().find(|(_, kept)| kept.len() > 1) {
        return Err(Inadmissible::Filter { dimension: measure.dimensions[*place].name, kept: kept.len() });
    }
    let period = query.period();
    let after = period.last().plus_days(1).ymd();
    // What is asked of one day is asked of that day, not of a period that begins with it.
    let one_day = measure.window != Window::Period && period.first() == period.last();
    let first = if one_day { after } else { period.first().ymd() };
    if first.2 != 1 || after.2 != 1 {
        return Err(Inadmissible::Months(period.to_string()));
    }
    if profile == Profile::Ascof && query.release() == Release::CouncilSuppressed(profile) {
        if first.1 % 3 != 1 || after.1 % 3 != 1 {
            return Err(Inadmissible::Quarters(period.to_string()));
        }
        let names: Vec<&str> = query.by().iter().map(|&place| measure.dimensions[place].name).collect();
        let by_default =
            measure.default_by.len() == names.len() && measure.default_by.iter().all(|name| names.contains(name));
        let settings = Settings::check(measure, &[]).is_ok_and(|defaults| defaults == *query.settings());
        if !by_default || !query.filters().is_empty() || !settings {
            return Err(Inadmissible::Published { measure: measure.id });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::ReferencePeriod;
    use crate::privacy::Rho;
    use crate::query::{DataRule, Filter};

    fn ask(measure: &str, (first, last): (&str, &str), by: Option<&[&str]>, kept: &[&str], release: Release) -> Query {
        let day = |text: &str| text.parse().expect("the test's own date");
        let period = ReferencePeriod::inclusive(day(first), day(last)).expect("forwards");
        let by: Option<Vec<String>> = by.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let categories: Vec<String> = kept.iter().map(|&name| name.to_owned()).collect();
        let filters: Vec<Filter> =
            (!kept.is_empty()).then(|| Filter { dimension: "gender".into(), categories }).into_iter().collect();
        Query::new(measure, period, by.as_deref(), &filters, &[], DataRule::default(), release).expect("valid")
    }

    const YEAR: (&str, &str) = ("2024-04-01", "2025-03-31");
    const HOSPITAL: [Release; 2] =
        [Release::CouncilSuppressed(Profile::Hospital), Release::JointSuppressed(Profile::Hospital)];

    #[test]
    fn a_table_and_the_same_but_for_one_category_are_never_both_given() {
        for release in HOSPITAL {
            assert_eq!(admissible(&ask("PEOPLE", YEAR, None, &[], release)), Ok(()));
            assert_eq!(admissible(&ask("PEOPLE", YEAR, None, &["Male"], release)), Ok(()));
            let but_one = ask("PEOPLE", YEAR, None, &["Male", "Female"], release);
            assert!(matches!(admissible(&but_one), Err(Inadmissible::Filter { dimension: "gender", kept: 2 })));
        }
        let noisy = Release::CouncilPrivate(Rho::parse("0.005").expect("positive"));
        assert_eq!(admissible(&ask("PEOPLE", ("2024-04-02", "2025-03-30"), None, &["Male", "Female"], noisy)), Ok(()));
    }

    #[test]
    fn a_year_and_the_year_but_for_a_day_are_never_both_given() {
        for release in HOSPITAL {
            for fine in [YEAR, ("2024-04-01", "2024-04-30"), ("2024-02-29", "2024-02-29")] {
                assert_eq!(admissible(&ask("PEOPLE", fine, None, &[], release)), Ok(()), "{fine:?}");
            }
            for moved in [("2024-04-02", "2025-03-31"), ("2024-04-01", "2025-03-30"), ("2024-04-01", "2024-04-01")] {
                let refused = admissible(&ask("PEOPLE", moved, None, &[], release));
                assert!(matches!(refused, Err(Inadmissible::Months(_))), "{moved:?}");
            }
            // Of a measure of one day only the last day counts, however the period was written.
            assert_eq!(admissible(&ask("LTS001B-REASON", ("2024-04-17", "2025-03-31"), None, &[], release)), Ok(()));
        }
    }

    #[test]
    fn exact_counts_are_given_of_the_published_table_alone() {
        let ascof = Release::CouncilSuppressed(Profile::Ascof);
        assert_eq!(admissible(&ask("2E-LD", YEAR, None, &[], ascof)), Ok(()));
        for other in [
            ask("2E-LD", YEAR, Some(&[]), &[], ascof),
            ask("2E-LD", YEAR, None, &["Male"], ascof),
            ask("PEOPLE", YEAR, Some(&["ethnic_group"]), &[], ascof),
        ] {
            assert!(matches!(admissible(&other), Err(Inadmissible::Published { .. })), "{other:?}");
        }
        let months = ask("2E-LD", ("2024-05-01", "2025-04-30"), None, &[], ascof);
        assert!(matches!(admissible(&months), Err(Inadmissible::Quarters(_))));
        // Sums over councils are rounded under either profile.
        let joint = ask("PEOPLE", YEAR, Some(&["ethnic_group"]), &[], Release::JointSuppressed(Profile::Ascof));
        assert_eq!(admissible(&joint), Ok(()));
    }
}
