//! Whatever a file seems to be: it is read, or refused with an error.
//!
//! `cargo +nightly fuzz run import`

#![no_main]

use ktrial_checker::contract::Contract;
use ktrial_checker::import;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    if let Ok(imported) = import::read(None, file) {
        let _judged = ktrial_checker::judge(&imported.history, &Contract::default());
    }
});
