//! What must hold for any bytes read as the record of a round: no panic, no memory beyond what was really there, and
//! nothing stands but what its coordinator signed.
//!
//! The keys are known here, so that what the corpus holds stands, and a mutation of it gets as far as it can.

use ed25519_dalek::SigningKey;
use folkmoot_proto::round::record::Record;
use folkmoot_proto::round::{Roll, Signatory};

/// Councils of the corpus's rounds: codes `100`, `101` and so on.
pub(crate) const COUNCILS: usize = 5;

/// The signing key of a party of the corpus's rounds.
pub(crate) fn key(of: u8) -> SigningKey {
    SigningKey::from_bytes(&[of; 32])
}

/// Keys of coordinator and analyst; councils have 1 and on.
pub(crate) const COORDINATOR: u8 = 0xc0;
pub(crate) const ANALYST: u8 = 0xa0;

/// Everybody of the corpus's rounds.
pub(crate) fn roll() -> Roll {
    let signatory = |of| Signatory { key: key(of).verifying_key(), valid_from: 0, valid_to: u64::MAX };
    let mut roll = Roll::new([0x52; 32]);
    for council in 0..COUNCILS {
        roll.add_council(&(100 + council).to_string(), signatory(council as u8 + 1)).expect("each code once");
    }
    roll.add_coordinator("national", signatory(COORDINATOR)).expect("one coordinator");
    roll.add_analyst("analyst/national/ada", signatory(ANALYST)).expect("one analyst");
    roll
}

/// Reads `data` as a record; whether it stands, and whether its sum follows.
pub(crate) fn check(data: &[u8], roll: &Roll) -> Option<bool> {
    let record = Record::open(data).ok()?;
    // By nobody's keys nothing stands, whatever else is right about it.
    if let Ok(again) = Record::open(data) {
        assert!(again.check(&Roll::new([0x52; 32]), |_, _| {}).is_err(), "a record nobody signed is taken");
    }
    record.check(roll, |_, _| {}).ok().map(|report| report.followed)
}
