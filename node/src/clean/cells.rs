//! The national status and result codes of one row's cells, without a value: what data quality is counted from.

use folkmoot_proto::catalogue::quality::FIELD_COUNT;

use super::verdict::{Outcome, Status, Verdict};
use crate::import::columns::{COUNT, Column};

/// Status and result of the 46 fields of a row.
///
/// **Shape**: in the specification's order, as [`Column::is_counted`] keeps it.
///
/// **Guarantee**: codes only; no `Debug`, since it is one person's row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellCodes([u8; FIELD_COUNT]);

impl CellCodes {
    /// The codes of a row whose cells were found to be `verdicts` and are asked `statuses`.
    pub fn new(statuses: &[Status; COUNT], verdicts: &[Verdict; COUNT]) -> Self {
        let mut codes = [0; FIELD_COUNT];
        let counted = Column::ALL.into_iter().filter(|column| column.is_counted());
        for (code, column) in codes.iter_mut().zip(counted) {
            let status = statuses[column.index()];
            *code = pack(status, verdicts[column.index()].outcome(status));
        }
        Self(codes)
    }

    /// Status and result of every field.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Status, Outcome)> + '_ {
        self.0.iter().map(|&code| unpack(code))
    }
}

/// Both codes in a byte: places in the lists of all.
fn pack(status: Status, outcome: Outcome) -> u8 {
    let status = Status::ALL.iter().position(|one| *one == status);
    let outcome = Outcome::ALL.iter().position(|one| *one == outcome);
    let (Some(status), Some(outcome)) = (status, outcome) else { unreachable!("the lists hold every code") };
    (status * Outcome::ALL.len() + outcome) as u8
}

fn unpack(code: u8) -> (Status, Outcome) {
    let code = usize::from(code);
    (Status::ALL[code / Outcome::ALL.len() % Status::ALL.len()], Outcome::ALL[code % Outcome::ALL.len()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use folkmoot_proto::catalogue::quality::{FIELDS, MODULES, module_of};

    #[test]
    fn the_catalogue_names_the_fields_that_are_counted() {
        let counted: Vec<Column> = Column::ALL.into_iter().filter(|column| column.is_counted()).collect();
        assert_eq!(counted.iter().map(|column| column.header()).collect::<Vec<_>>(), FIELDS);
        for (place, column) in counted.iter().enumerate() {
            assert_eq!(column.module().label(), MODULES[module_of(place)], "{}", column.header());
        }
    }

    #[test]
    fn every_pair_of_codes_comes_back() {
        for status in Status::ALL {
            for outcome in Outcome::ALL {
                assert_eq!(unpack(pack(status, outcome)), (status, outcome));
            }
        }
    }
}
