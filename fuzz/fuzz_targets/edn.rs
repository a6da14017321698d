//! Jepsen's EDN: any file is read, or refused with an error; what can be read survives `klog/1`, and Jepsen's rules judge it.
//!
//! `cargo +nightly fuzz run edn`

#![no_main]

use ktrial_checker::contract::Contract;
use ktrial_checker::import::{self, Format};
use ktrial_checker::jepsen::Ops;
use ktrial_checker::jepsen::compat::{self, Options};
use ktrial_checker::notation::convert::{edn_to_klog, klog_to_edn};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    if let Ok(imported) = import::read(Some(Format::Edn), file) {
        let _judged = ktrial_checker::judge(&imported.history, &Contract::default());
    }
    if let Ok(ops) = Ops::read_edn(file) {
        let _printed = compat::judge(&ops, &Options::default()).to_json();
    }
    let (mut klog, mut edn) = (Vec::new(), Vec::new());
    if edn_to_klog(file, &mut klog).is_ok() {
        klog_to_edn(&klog[..], &mut edn).expect("what was written can be read");
    }
});
