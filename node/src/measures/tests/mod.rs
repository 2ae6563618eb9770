//! Worked examples of the published methods, second implementations on random rows, and the sensitivity test that every
//! entry of the catalogue goes through.

#![allow(clippy::unwrap_used)]

mod ascof_2a;
mod ascof_2bc;
mod ascof_2e;
mod ascof_3d;
mod costs;
mod data_quality;
mod events;
mod kit;
mod pathways;
mod plain;
mod plain_sts;
mod plain_support;
mod plain_tables;
mod random;
mod scene;
mod sensitivity;
mod sts;
mod support;
mod waiting;

use folkmoot_proto::catalogue;

use super::{METHODS, MOST_DIMENSIONS};

#[test]
fn every_entry_has_one_method_and_every_method_an_entry() {
    for measure in catalogue::all() {
        assert_eq!(METHODS.iter().filter(|(id, _)| *id == measure.id).count(), 1, "{}", measure.id);
        assert!(measure.dimensions.len() <= MOST_DIMENSIONS, "{}", measure.id);
    }
    for (id, _) in METHODS {
        assert!(catalogue::all().any(|measure| measure.id == *id), "{id}");
    }
}
