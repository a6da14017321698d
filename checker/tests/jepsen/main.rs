//! `--compat jepsen` against hand-made histories: one per anomaly and per look-alike, under `histories/`. Beside each is
//! what is expected: a part of the results, and the options that differ from Jepsen's defaults.

mod roundtrip;

use ktrial_checker::jepsen::Ops;
use ktrial_checker::jepsen::compat::{Options, judge};
use ktrial_checker::notation::{Form, Tokens, convert, edn};
use std::fs;
use std::path::{Path, PathBuf};

fn read(text: &str) -> Tokens {
    let mut tokens = Tokens::new();
    assert!(edn::Forms::new(text.as_bytes()).next(&mut tokens).unwrap());
    tokens
}

fn histories() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jepsen/histories");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| !file.to_str().unwrap().ends_with(".expected.edn"));
    files.sort();
    files
}

fn options(expected: Form<'_>) -> Options {
    let mut options = Options::default();
    let Some(given) = expected.get("options") else { return options };
    if let Some(ww_deps) = given.get("ww-deps") {
        options.ww_deps = ww_deps.bool().unwrap();
    }
    if let Some(via) = given.get("sub-via") {
        options.subscribes = via.parts().any(|way| way.text() == Some("subscribe"));
    }
    options
}

/// Whether all that is expected was found; a map may have more entries than expected.
fn holds(expected: Form<'_>, found: Form<'_>) -> bool {
    match (expected.entries(), expected.list()) {
        (Some(mut entries), _) => entries.all(|(key, value)| {
            let mut matching =
                found.entries().into_iter().flatten().filter(|(other, _)| other.same_as(key));
            key.text() == Some("options")
                || matching.next().is_some_and(|(_, found)| holds(value, found))
        }),
        (None, Some(list)) => {
            let found: Vec<_> = found.list().into_iter().flatten().collect();
            list.clone().count() == found.len()
                && list.zip(found).all(|(expected, found)| holds(expected, found))
        }
        (None, None) => expected.same_as(found),
    }
}

#[test]
fn each_history_is_judged_as_jepsen_would() {
    let mut wrong = Vec::new();
    for file in histories() {
        let expected = read(&fs::read_to_string(file.with_extension("expected.edn")).unwrap());
        let ops = Ops::read_edn(fs::File::open(&file).unwrap()).unwrap();
        let results = judge(&ops, &options(expected.form())).to_edn();
        if !holds(expected.form(), read(&results).form()) {
            wrong.push(format!("{}: {results}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn klog_and_edn_are_judged_alike() {
    for file in histories() {
        let text = fs::read_to_string(&file).unwrap();
        let mut klog = Vec::new();
        convert::edn_to_klog(text.as_bytes(), &mut klog).unwrap();
        let (edn, klog) =
            (Ops::read_edn(text.as_bytes()).unwrap(), Ops::read_klog(&klog[..]).unwrap());
        let options = Options::default();
        assert_eq!(
            judge(&edn, &options).to_edn(),
            judge(&klog, &options).to_edn(),
            "{}",
            file.display()
        );
    }
}

#[test]
fn the_order_of_keys_and_the_layout_do_not_matter() {
    let lines = fs::read_to_string(&histories()[0]).unwrap();
    let vector = format!(
        "[{}]",
        lines.lines().filter(|line| !line.starts_with(';')).collect::<Vec<_>>().join(",\n")
    );
    let judged =
        |text: &str| judge(&Ops::read_edn(text.as_bytes()).unwrap(), &Options::default()).to_edn();
    assert_eq!(judged(&lines), judged(&vector));
}

#[test]
fn results_as_json_have_strings_for_keywords() {
    let file = histories().into_iter().find(|file| file.ends_with("lost-write.edn")).unwrap();
    let ops = Ops::read_edn(fs::File::open(file).unwrap()).unwrap();
    insta::assert_snapshot!(judge(&ops, &Options::default()).to_json(), @r#"{"valid?":false,"error-types":["lost-write","unseen"],"bad-error-types":["lost-write","unseen"],"info-txn-causes":[],"worst-realtime-lag":{"time":0.0,"lag":0.0},"consume-counts":{"distribution":{},"dup-counts":{}},"lost-write":{"count":1,"errs":[{"key":0,"value":1,"index":0,"max-read-index":1,"writer":{"index":1,"type":"ok","process":0,"f":"send","value":[["send",0,[1,1]]]},"max-read":{"index":5,"type":"ok","process":1,"f":"poll","value":[["poll",{"0":[[2,2]]}]]}}]},"unseen":{"unseen":{"0":1},"messages":{"0":[1]}}}"#);
}

#[test]
fn what_is_no_operation_is_an_error_that_says_where() {
    let broken = [
        "{:type :ok, :f :send, :value [[:send 0 1]]}\n[1 2]",
        "{:type :perhaps, :f :send}",
        "{:type :ok, :value nil}",
        "{:type :ok, :f :poll, :value [[:poll [1 2]]]}",
        "{:type :ok, :f :send, :value [[:send 0]]}",
    ];
    let errors: Vec<_> =
        broken.iter().map(|text| Ops::read_edn(text.as_bytes()).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(errors.join("\n"), @r"
    line 2: expected a map that is an operation
    line 1: expected `:type` to be `:invoke`, `:ok`, `:fail` or `:info`
    line 1: expected `:f` to name what the operation does
    line 1: expected a map of partitions to [offset value] pairs as what was polled
    line 1: expected [:send key value] or [:poll records] as an operation's value
    ");
}
