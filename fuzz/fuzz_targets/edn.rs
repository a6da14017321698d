//! Jepsen's EDN: any file is read, or refused with an error.
//!
//! `cargo +nightly fuzz run edn`

#![no_main]

use ktrial_checker::contract::Contract;
use ktrial_checker::import::{self, Format};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    if let Ok(imported) = import::read(Some(Format::Edn), file) {
        let _judged = ktrial_checker::judge(&imported.history, &Contract::default());
    }
});
