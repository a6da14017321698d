//! `klog/1`: what can be read can be judged, and written so that the same is read again.
//!
//! `cargo +nightly fuzz run klog`

#![no_main]

use ktrial_checker::contract::Contract;
use ktrial_checker::history::History;
use ktrial_checker::klog;
use libfuzzer_sys::fuzz_target;

fn written(history: &History) -> Vec<u8> {
    let mut file = Vec::new();
    klog::write(history, &mut file).expect("a vector takes everything");
    file
}

fuzz_target!(|file: &[u8]| {
    let Ok(imported) = klog::read(file) else { return };
    let _judged = ktrial_checker::judge(&imported.history, &Contract::default());
    let once = written(&imported.history);
    let again = klog::read(&once[..]).expect("what was written can be read");
    assert_eq!(written(&again.history), once);
});
