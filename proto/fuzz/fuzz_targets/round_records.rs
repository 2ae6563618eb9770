//! Any bytes, as the record of a round.
#![no_main]

use std::sync::LazyLock;

#[path = "../records.rs"]
mod records;

static ROLL: LazyLock<folkmoot_proto::round::Roll> = LazyLock::new(records::roll);

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    records::check(data, &ROLL);
});
