//! Feeds `seaworthy_conformance::fuzz::recovery`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| seaworthy_conformance::fuzz::recovery(bytes));
