//! Disclosure control over a council's figures taken together, before anything is merged.
//!
//! Councils hide what gives hidden figures away before their answer leaves them. Here the same audit is made again on what
//! arrived, so that an answer of an older or careless node is not published as it came: where a hidden figure can be worked
//! out too closely, another figure is hidden beside it. What is merged, published and stored in a release is a function of
//! what is left, so it gives no more away. The audit itself is [`folkmoot_proto::disclosure::System`].

use std::collections::BTreeMap;

use folkmoot_proto::disclosure::{Figure, Guarded, System};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::layout::Layout;
use folkmoot_proto::query::Query;

use crate::answer::Answer;

/// What was hidden here, beside what the councils hid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    hidden: BTreeMap<CouncilCode, usize>,
}

impl Report {
    /// Figures hidden, by council.
    pub fn hidden(&self) -> &BTreeMap<CouncilCode, usize> {
        &self.hidden
    }

    /// For the manifest; empty when nothing was hidden.
    pub fn sentences(&self) -> Vec<String> {
        let total: usize = self.hidden.values().sum();
        if total == 0 {
            return Vec::new();
        }
        vec![format!(
            "{total} figures of {} councils were hidden beside the small ones, which could otherwise have been worked \
             out from totals.",
            self.hidden.len()
        )]
    }
}

/// Hides what gives hidden figures away. Noisy answers are left as they are: they hide nothing.
pub fn protect(
    query: &Query,
    layout: &Layout,
    answers: &BTreeMap<CouncilCode, Answer>,
) -> (BTreeMap<CouncilCode, Answer>, Report) {
    let mut report = Report::default();
    let Some(profile) = query.release().profile() else { return (answers.clone(), report) };
    let system = System::of(profile, layout);
    let protected = answers
        .iter()
        .map(|(code, answer)| {
            let marked = |(place, figure): (usize, &Figure)| Guarded {
                withheld: answer.is_withheld(place),
                ..Guarded::primary(*figure)
            };
            let mut figures: Vec<Guarded> = answer.figures().iter().enumerate().map(marked).collect();
            let hidden = system.protect(&mut figures);
            if hidden > 0 {
                report.hidden.insert(*code, hidden);
            }
            (*code, answer.with_figures(figures.into_iter().map(|figure| figure.figure).collect()))
        })
        .collect();
    (protected, report)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing;
    use folkmoot_proto::disclosure::Profile;
    use folkmoot_proto::query::Release;

    fn shown(profile: Profile, cells: &[i64]) -> (Vec<Option<i64>>, usize) {
        let (query, layout) = testing::question("3D-clients", Some(&["support"]), Release::CouncilSuppressed(profile));
        assert_eq!(layout.cells(), cells.len());
        let answer = testing::answer("104", &query, &layout, cells);
        let answers = BTreeMap::from([(testing::council("104"), answer)]);
        let (protected, report) = protect(&query, &layout, &answers);
        let figures = protected[&testing::council("104")].figures();
        (figures.iter().map(|figure| figure.shown()).collect(), report.hidden().values().sum())
    }

    #[test]
    fn a_lone_hidden_cell_is_not_given_away_by_its_total() {
        // 120 - 60 - 57 would be 3: the smallest shown cell is hidden beside it.
        assert_eq!(shown(Profile::Ascof, &[60, 57, 3, 20]), (vec![Some(60), Some(57), None, None, Some(140)], 1));
        // Two hidden cells protect each other only when their sum leaves room: 4 + 4 = 8 does not.
        assert_eq!(shown(Profile::Ascof, &[60, 4, 4, 20]).1, 1);
        assert_eq!(shown(Profile::Ascof, &[60, 2, 2, 20]), (vec![Some(60), None, None, Some(20), Some(84)], 0));
    }

    #[test]
    fn rounding_usually_leaves_room_and_where_it_does_not_a_cell_is_hidden() {
        // 10 shown is 8 to 12 and the total 15 is 13 to 17: the hidden one may be 1 to 7.
        assert_eq!(shown(Profile::Hospital, &[10, 5, 0, 0]).1, 0);
        // 12 and 7: shown 10 and total 20, so the hidden one is 6 or 7.
        assert_eq!(shown(Profile::Hospital, &[12, 7, 0, 0]), (vec![None, None, Some(0), Some(0), Some(20)], 1));
    }

    #[test]
    fn nothing_hidden_means_nothing_more_to_hide() {
        assert_eq!(shown(Profile::Ascof, &[60, 57, 30, 20]).1, 0);
    }
}
