//! Feeds `seaworthy_conformance::fuzz::wire`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| seaworthy_conformance::fuzz::wire(bytes));
