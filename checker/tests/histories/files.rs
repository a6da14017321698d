//! Histories as `klog/1` files: how they look, and what is said of broken ones.

use crate::script::{P0, Script};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::contract::Contract;
use ktrial_checker::history::{History, PositionedBy, SubVia};
use ktrial_checker::klog;

fn written(history: &History) -> String {
    let mut file = Vec::new();
    klog::write(history, &mut file).unwrap();
    String::from_utf8(file).unwrap()
}

#[test]
fn a_file_reads_like_what_happened() {
    let mut s = Script::new();
    let p = s.producer();
    s.sent(p, P0, 7, 0);
    let m = s.member(P0, 0, PositionedBy::ResetEarliest);
    s.consume(m, P0, &[(0, 7)]);
    s.commit(m, P0, 1);
    s.committed(m, P0, Some(1));
    s.crash(m);
    s.drain(P0, &[(0, 7)], 1);
    insta::assert_snapshot!(written(&s.history), @r#"
    {"h":"klog/1","source":"sim","time":"ns","clock":"global","order":"total","commit_semantics":"next","keys":{"orders-0":{"topic":"orders","partition":0},"orders-1":{"topic":"orders","partition":1}},"groups":["app"],"processes":[{"client":"producer"},{"client":"member","group":"app"},{"client":"drain"}]}
    {"index":0,"time":1000000,"process":0,"call":0,"type":"invoke","f":"send","value":[["send","orders-0",7]]}
    {"index":1,"time":2000000,"process":0,"call":0,"type":"ok","f":"send","value":[["send","orders-0",[0,7]]]}
    {"index":2,"time":3000000,"process":1,"type":"ok","f":"assign","value":["orders-0"]}
    {"index":3,"time":4000000,"process":1,"type":"ok","f":"seek","by":"reset-earliest","value":{"orders-0":0}}
    {"index":4,"time":5000000,"process":1,"call":4,"type":"invoke","f":"poll","value":[["poll"]]}
    {"index":5,"time":6000000,"process":1,"call":4,"type":"ok","f":"poll","value":[["poll",{"orders-0":[[0,7]]}]]}
    {"index":6,"time":7000000,"process":1,"type":"ok","f":"processed","value":{"orders-0":[[0,7]]}}
    {"index":7,"time":8000000,"process":1,"call":6,"type":"invoke","f":"commit","group":"app","value":{"orders-0":1}}
    {"index":8,"time":9000000,"process":1,"call":6,"type":"ok","f":"commit"}
    {"index":9,"time":10000000,"process":1,"call":8,"type":"invoke","f":"committed","group":"app"}
    {"index":10,"time":11000000,"process":1,"call":8,"type":"ok","f":"committed","value":{"orders-0":1}}
    {"index":11,"time":12000000,"process":1,"type":"info","f":"crash"}
    {"index":12,"time":13000000,"process":2,"call":11,"type":"invoke","f":"poll","value":[["poll"]]}
    {"index":13,"time":14000000,"process":2,"call":11,"type":"ok","f":"poll","value":[["poll",{"orders-0":[[0,7]]}]]}
    {"index":14,"time":15000000,"process":2,"type":"ok","f":"poll","final":true,"drained":{"orders-0":1}}
    "#);
}

#[test]
fn a_file_by_another_hand_is_judged_too() {
    let file = r#"{"h":"klog/1","source":"app"}
{"time":1,"process":4,"type":"invoke","f":"send","value":[["send","t-0",1]]}
{"time":2,"process":4,"type":"ok","f":"send","value":[["send","t-0",[0,1]]],"extra":[]}
{"time":3,"process":5,"type":"ok","f":"nemesis"}
{"time":4,"process":6,"type":"ok","f":"log_dump","value":{"t-0":[]}}"#;
    let imported = klog::read(file.as_bytes()).unwrap();
    let ignored = ["field `extra`", "nemesis ok"].map(|what| (what.to_owned(), 1));
    assert_eq!(imported.ignored, ignored.into());
    let judgement = ktrial_checker::judge(&imported.history, &Contract::default());
    assert_eq!(judgement.count(Kind::TruncatedTail), 1);
    assert_eq!(judgement.anomalies[&Kind::TruncatedTail].examples[0].key, "t-0");
}

#[test]
fn a_file_whose_writer_was_killed_is_read_up_to_there() {
    let file = r#"{"h":"klog/1"}
{"time":1,"process":0,"type":"invoke","f":"send","value":[["send","t-0",1]]}
{"time":2,"process":0,"type":"ok","f":"se"#;
    let imported = klog::read(file.as_bytes()).unwrap();
    assert_eq!((imported.history.len(), imported.cut_line), (1, Some(3)));
}

#[test]
fn a_header_says_how_consumers_come_by_partitions_if_it_is_one_way() {
    let read = |sub_via: &str| {
        let file = format!("{{\"h\":\"klog/1\",\"config\":{{\"sub_via\":{sub_via}}}}}\n");
        klog::read(file.as_bytes()).unwrap().history.meta().sub_via
    };
    assert_eq!(read("\"assign\""), Some(SubVia::Assign));
    assert_eq!(read("[\"subscribe\"]"), Some(SubVia::Subscribe));
    assert_eq!(read("[\"assign\",\"subscribe\"]"), None);
}

#[test]
fn a_broken_file_is_an_error_that_says_where() {
    let header = "{\"h\":\"klog/1\"}\n";
    let broken = [
        "",
        "{\"h\":\"klog/2\"}\n",
        "{\"h\":\"klog/1\",\"config\":{\"sub_via\":\"asign\"}}\n",
        &format!("{header}{{\"time\":1,\"process\":0,\"type\":\"ok\"}}\n"),
        &format!(
            "{header}{{\"time\":1,\"process\":0,\"type\":\"ok\",\"f\":\"assign\",\"value\":[true]}}\n"
        ),
        &format!(
            "{header}{{\"time\":1,\"process\":0,\"type\":\"ok\",\"f\":\"send\",\"value\":[]}}\n"
        ),
        &format!(
            "{header}{{\"time\":1,\"process\":0,\"type\":\"ok\",\"f\":\"seek\",\"value\":{{\"t-0\":-4}}}}\n"
        ),
        &format!(
            "{header}{{\"time\":1,\"process\":0,\"type\":\"ok\",\"f\":\"seek\",\"by\":\"luck\",\"value\":{{}}}}\n"
        ),
        &format!("{header}{{\"time\":1,\"proc\n"),
    ];
    let errors: Vec<String> =
        broken.iter().map(|file| klog::read(file.as_bytes()).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(errors.join("\n"), @r"
    line 1: expected a header, found an empty file
    line 1: expected version `klog/1`, found `klog/2`
    line 1: `asign` is no way to come by partitions; did you mean `assign`?
    line 2: expected a field `f`, found none
    line 2, column 57: expected a partition's name, found `true`
    line 2, column 39: expected a `send` that this process invoked with this call, found none open; record when it was invoked, too
    line 2, column 61: expected an offset from 0 to 2^53, found `-4`
    line 2, column 51: `luck` is no way to be positioned; there are `committed`, `reset-earliest`, `reset-latest`, `truncation`, `seek`
    line 2, column 16: expected the string's end, found the line's end
    ");
}
