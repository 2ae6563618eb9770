//! One changed byte anywhere: refused, or the sum is exact all the same. Never a wrong sum.

use proptest::prelude::*;
use rayon::prelude::*;

use crate::sim::{self, Federation, Leg};

const LEGS: [Leg; 11] = [
    Leg::Envelope,
    Leg::Advert,
    Leg::Roster,
    Leg::Sealed,
    Leg::Relay,
    Leg::Header,
    Leg::Chunk,
    Leg::Survivors,
    Leg::Consent,
    Leg::Quorum,
    Leg::Revealed,
];

/// Changes one byte of one message to or from one node. Returns how long that message is.
fn change(fed: &Federation, leg: Leg, node: usize, place: usize, by: u8) -> usize {
    let mut len = 0;
    let envelope = fed.envelope(2, 0, 3);
    let (run, refusals) = sim::run_with(fed, envelope, &vec![None; 5], 1, &mut |l, i, bytes| {
        if l == leg && i == node {
            len = bytes.len();
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= by;
            }
        }
    });
    let what = || format!("{leg:?} of node {node}, byte {place} of {len}, xor {by:#x}");
    let run = run.unwrap_or_else(|e| panic!("{}: one bad council of five ends the round: {e}", what()));
    assert_eq!(run.outcome.sum.cells, run.expected, "{}", what());
    if place < len {
        assert_eq!(refusals.len(), 1, "{}: {refusals:?}", what());
        assert_eq!(refusals[0].0, node);
    }
    sim::audit(fed, &run);
    len
}

#[test]
fn a_changed_byte_is_refused_and_the_others_finish_exactly() {
    let fed = Federation::new(5, 21);
    LEGS.par_iter().for_each(|leg| {
        let len = change(&fed, *leg, 2, usize::MAX, 1);
        // Every part of every message, a byte in 37 of it; all of them over time below.
        for place in (0..len).step_by(37).chain([len - 1]) {
            change(&fed, *leg, 2, place, 0x01 << (place % 8));
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_changed_byte_is_refused(leg in 0usize..11, node in 0usize..5, place in 0usize..1800, by in 1u8..) {
        change(&Federation::new(5, 22), LEGS[leg], node, place, by);
    }
}
