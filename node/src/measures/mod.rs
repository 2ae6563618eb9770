//! The methods: one file a measure, each a pure function of one person's history.
//!
//! ```text
//! History x Window --contributions--> Contributions --tabulate--> CellCounts
//! ```
//!
//! A method says which categories of the measure's dimensions a person falls into and with what component; it knows
//! nothing of layouts, filters, clipping or protection. What the measure *is* (text, dimensions, bound) stands in the
//! catalogue entry of the same name in `folkmoot_proto::catalogue`; [`of`] joins the two, and a test holds that every
//! entry has a method.

mod ascof_2a;
mod ascof_2bc;
mod ascof_2e;
mod ascof_3d;
mod costs;
mod data_quality;
mod events;
mod lts001;
mod lts003;
mod lts004;
mod pathways;
mod people;
mod sts;
#[cfg(test)]
mod tests;
mod waiting;

use folkmoot_proto::catalogue::{Measure, Settings};
use folkmoot_proto::codelist::YesNo;
use folkmoot_proto::period::ReferencePeriod;

use crate::history::{History, Person};

/// More dimensions than any measure has.
pub const MOST_DIMENSIONS: usize = 12;

/// What a method may know beside the history: the question's period and settings.
pub struct Window<'a> {
    /// The period that the figures are about; one day for a measure of one day.
    pub period: ReferencePeriod,
    /// The measure's settings.
    pub settings: &'a Settings,
    /// True for a private answer: nobody may be counted by what another person's rows say.
    pub own_rows_only: bool,
}

impl Window<'_> {
    /// Whether a person has an unpaid carer: the published detail, or by the person's own rows for a private answer.
    pub(crate) fn has_carer(&self, person: &Person) -> YesNo {
        if self.own_rows_only { person.has_carer_by_own_rows() } else { person.has_carer() }
    }

    /// True when the question asks for the method as documented, where that is not what the published code does.
    pub(crate) fn documented(&self) -> bool {
        self.settings.text("variant") == "documented"
    }
}

/// A pure function of one person's history.
pub type Method = fn(History<'_>, &Window<'_>, &mut Contributions);

/// One person's part in a figure: a category for each dimension, a component, an amount.
#[derive(Clone, Copy)]
pub struct Contribution {
    /// Category of each of the measure's dimensions, in the entry's order.
    pub coordinates: [u16; MOST_DIMENSIONS],
    /// Place in the measure's components.
    pub component: u8,
    /// How much, in the measure's unit.
    pub amount: i64,
}

/// What one person contributes; emptied and used again for the next.
#[derive(Default)]
pub struct Contributions {
    all: Vec<Contribution>,
}

impl Contributions {
    /// Adds one to the cell at these categories; `coordinates[d]` is the category of the entry's dimension `d`.
    ///
    /// # Panics
    /// When there are more coordinates than [`MOST_DIMENSIONS`].
    pub fn one(&mut self, coordinates: &[usize], component: usize) {
        self.amount(coordinates, component, 1);
    }

    /// Adds an amount to the cell at these categories.
    ///
    /// # Panics
    /// As [`Self::one`].
    pub fn amount(&mut self, coordinates: &[usize], component: usize, amount: i64) {
        let mut fixed = [0; MOST_DIMENSIONS];
        for (to, &from) in fixed.iter_mut().zip(coordinates) {
            *to = u16::try_from(from).expect("no dimension has more than 65,535 categories");
        }
        assert!(coordinates.len() <= MOST_DIMENSIONS, "a measure has at most {MOST_DIMENSIONS} dimensions");
        let component = u8::try_from(component).expect("a measure has few components");
        self.all.push(Contribution { coordinates: fixed, component, amount });
    }

    /// What was added, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Contribution> {
        self.all.iter()
    }

    /// Forgets everything, keeping the room.
    pub fn clear(&mut self) {
        self.all.clear();
    }
}

/// Component of a ratio: the person counts in the numerator and the denominator.
pub(crate) const YES: usize = 0;
/// Component of a ratio: the person counts in the denominator only.
pub(crate) const NO: usize = 1;
/// The component of a count.
pub(crate) const COUNT: usize = 0;

/// The method of a measure.
///
/// # Panics
/// When the catalogue has an entry without a method: a test of this module holds that it has none.
pub fn of(measure: &Measure) -> Method {
    METHODS
        .iter()
        .find(|(id, _)| *id == measure.id)
        .map(|(_, method)| *method)
        .expect("every catalogue entry has a method")
}

const METHODS: &[(&str, Method)] = &[
    ("ASCOF-2A", ascof_2a::summary),
    ("ASCOF-2A-SEQUELS", ascof_2a::sequels),
    ("ASCOF-2B", ascof_2bc::working_age),
    ("ASCOF-2C", ascof_2bc::older),
    ("ASCOF-2E", ascof_2e::all),
    ("ASCOF-2E-LD", ascof_2e::learning_disability),
    ("ASCOF-2E-UNKNOWN", ascof_2e::unknown_accommodation),
    ("ASCOF-3D-CLIENTS", ascof_3d::clients),
    ("ASCOF-3D-1A", ascof_3d::clients_directing),
    ("ASCOF-3D-2A", ascof_3d::clients_direct_payment),
    ("ASCOF-3D-CARERS", ascof_3d::carers),
    ("ASCOF-3D-1B", ascof_3d::carers_directing),
    ("ASCOF-3D-2B", ascof_3d::carers_direct_payment),
    ("LTS001A", lts001::in_period),
    ("LTS001B-REASON", lts001::on_day),
    ("LTS001B-CARER", lts001::on_day_by_carer),
    ("LTS001B-ETHNICITY", lts001::on_day_by_ethnicity),
    ("LTS001C", lts001::for_a_year),
    ("LTS003", lts003::carers),
    ("LTS004-EMPLOYMENT", lts004::employment),
    ("LTS004-ACCOMMODATION", lts004::accommodation),
    ("PEOPLE", people::with_long_term_support),
    ("WAITING-RESPONSE", waiting::response),
    ("WAITING-SERVICE", waiting::service),
    ("REQUESTS", events::requests),
    ("ASSESSMENTS", events::assessments),
    ("REVIEWS", events::reviews),
    ("SERVICES", events::services),
    ("COSTS", costs::in_period),
    ("COSTS-WEEKLY", costs::in_a_week),
    ("PATHWAYS", pathways::pathways),
    ("STS001", sts::sts001),
    ("STS002A", sts::sts002a),
    ("STS002B", sts::sts002b),
    ("DATA-QUALITY", data_quality::cells),
];
