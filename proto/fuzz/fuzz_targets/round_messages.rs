//! Any bytes, through every decoder of the round's messages.
#![no_main]

#[path = "../messages.rs"]
mod messages;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    messages::check_all(data);
});
