//! Histories for models, from JSON and EDN.

use ktrial_checker::linearizability::{Budget, ModelName, Notation, Outcome, Verdict, check_named};
use ktrial_checker::notation::ReadError;
use proptest::prelude::*;

fn judged(model: &str, notation: Notation, file: &str) -> Result<Outcome, ReadError> {
    let model = ModelName::by_name(model).unwrap();
    check_named(model, file.as_bytes(), notation, Budget::default())
}

/// Calls one after the other, each by its own process: `f invoked completed`, and `!` for a crash.
fn file(calls: &[(&str, &str, &str)]) -> String {
    let mut file = String::new();
    for (process, (f, invoked, completed)) in calls.iter().enumerate() {
        let mut event = |kind, value| {
            file +=
                &format!(r#"{{"process":{process},"type":"{kind}","f":"{f}","value":{value}}}"#);
            file.push('\n');
        };
        event("invoke", invoked);
        if *completed != "!" {
            event("ok", completed);
        }
    }
    file
}

fn name(model: &str, calls: &[(&str, &str, &str)]) -> &'static str {
    judged(model, Notation::Json, &file(calls)).unwrap().verdict.name()
}

#[test]
fn each_model_reads_its_operations() {
    type Calls<'c> = &'c [(&'c str, &'c str, &'c str)];
    let cases: [(&str, Calls<'_>, Calls<'_>); 5] = [
        (
            "cas-register",
            &[
                ("read", "null", "null"),
                ("write", "1", "1"),
                ("cas", "[1,2]", "[1,2]"),
                ("cas", "[1,3]", "[1,3,false]"),
                ("read", "null", "2"),
            ],
            &[("write", "1", "1"), ("cas", "[2,3]", "[2,3]")],
        ),
        (
            "multi-register",
            &[
                ("txn", r#"[["w","x",1],["r","y",null]]"#, r#"[["w","x",1],["r","y",null]]"#),
                ("txn", r#"[["r","x",null]]"#, r#"[["r","x",1]]"#),
            ],
            &[
                ("txn", r#"[["w","x",1]]"#, r#"[["w","x",1]]"#),
                ("txn", r#"[["r","x",null]]"#, r#"[["r","x",null]]"#),
            ],
        ),
        (
            "key-value",
            &[
                ("append", "[1,\"a\"]", "[1,\"a\"]"),
                ("append", "[1,\"b\"]", "!"),
                ("get", "[1,null]", "[1,[\"a\",\"b\"]]"),
                ("put", "[2,5]", "[2,5]"),
            ],
            &[("append", "[1,\"a\"]", "[1,\"a\"]"), ("get", "[1,null]", "[1,[]]")],
        ),
        (
            "queue",
            &[
                ("enqueue", "1", "1"),
                ("enqueue", "2", "2"),
                ("dequeue", "null", "1"),
                ("dequeue", "null", "2"),
                ("dequeue", "null", "null"),
            ],
            &[("enqueue", "1", "1"), ("enqueue", "2", "2"), ("dequeue", "null", "2")],
        ),
        (
            "log",
            &[
                ("append", "7", "7"),
                ("append", "8", "[1,8]"),
                ("append", "9", "!"),
                ("fetch", "1", "[1,[8]]"),
                ("fetch", "1", "[1,[8,9],3]"),
                ("read", "null", "[7,8,9]"),
            ],
            &[("append", "7", "7"), ("append", "8", "8"), ("read", "null", "[8,7]")],
        ),
    ];
    for (model, legal, illegal) in cases {
        assert_eq!((name(model, legal), name(model, illegal)), ("valid", "invalid"), "{model}");
    }
}

#[test]
fn edn_reads_as_json_does_and_failed_operations_never_happened() {
    let edn = "
        {:process 0, :type :invoke, :f :write, :value 1}
        {:process :nemesis, :type :info, :f :kill, :value nil} ; not a client
        {:process 0, :type :fail, :f :write, :value 1}
        {:process 1, :type :invoke, :f :write, :value 2}
        #jepsen.history.Op{:process 1, :type :info, :f :write, :value 2, :error :timeout}
        {:process 2, :type :invoke, :f :read, :value nil}
        {:process 2, :type :ok, :f :read, :value 1}";
    for file in [edn.to_owned(), format!("[{edn}]")] {
        let outcome = judged("register", Notation::Edn, &file).unwrap();
        assert_eq!((outcome.operations, outcome.unanswered), (2, 1));
        let Verdict::Illegal(found) = outcome.verdict else { panic!("nobody wrote 1") };
        assert_eq!((found.failing, &found.core[..]), (1, &[1][..]));
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let write = r#"{"process":0,"type":"invoke","f":"write","value":1}"#;
    for (file, told) in [
        (
            format!("{write}\n{write}\n"),
            "line 2: process 0 invokes `write`, but what it invoked on line 1 has not returned",
        ),
        (
            r#"{"process":0,"type":"ok","f":"write","value":1}"#.to_owned() + "\n",
            "line 1: `ok` for process 0, which has invoked nothing that is open",
        ),
        (
            write.replace("write", "push") + "\n",
            "line 1: expected `read`, `write` or `cas`, found `push`",
        ),
        (
            write.replace("1}", "[1]}") + "\n",
            "line 1: expected a number, a string or a truth value as the `value` of `write`",
        ),
        (
            write.replace("write", "cas") + "\n",
            "line 1: expected a pair of the old and the new value as the `value` of `cas`",
        ),
        (write.replace("\"process\":0,", "") + "\n", "line 1: expected an event with a `process`"),
        (
            write.replace("invoke", "start") + "\n",
            "line 1: expected `invoke`, `ok`, `fail` or `info` as its `type`, found `start`",
        ),
        ("7\n".to_owned(), "line 1: expected an event: a map with `process`, `type` and `f`"),
        (format!("{write}\n{}", &write[..20]), "line 2: the file ends in the middle of this line"),
    ] {
        let error = judged("register", Notation::Json, &file).unwrap_err();
        assert_eq!(error.to_string(), told);
    }
}

#[test]
fn names_lead_to_their_models() {
    for model in ModelName::ALL {
        assert_eq!(ModelName::by_name(model.name()), Some(model));
    }
    assert_eq!(ModelName::by_name("stack"), None);
}

proptest! {
    #[test]
    fn a_broken_file_is_an_error_or_a_history_but_no_panic(
        model in 0_usize..5,
        at in 0_usize..300,
        junk in prop::sample::select(vec!["", "null", "[", "{}", "-1", "\"", "99999999999999999999", "\n"]),
        length in 0_usize..6,
    ) {
        let calls = [("append", "7", "[0,7]"), ("read", "null", "[7]"), ("fetch", "0", "[0,[7],1]")];
        let mut text = file(&calls);
        let at = at.min(text.len());
        let end = (at + length).min(text.len());
        text.replace_range(at..end, junk);
        for notation in [Notation::Json, Notation::Edn] {
            if let Ok(outcome) = judged(ModelName::ALL[model].name(), notation, &text) {
                prop_assert!(outcome.operations <= 4);
            }
        }
    }
}
