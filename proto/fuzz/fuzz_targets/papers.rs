//! Any bytes, as a question or as a paper of the authority.
#![no_main]

#[path = "../papers.rs"]
mod papers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    papers::check(data);
});
