//! Arbitrary EDN, as text.

use proptest::prelude::*;

/// An operation, or another value that may stand alone.
pub(crate) fn top_level() -> impl Strategy<Value = String> {
    prop_oneof![8 => op(), 1 => op().prop_map(|op| format!("#jepsen.history.Op{op}")), 1 => map(value(3))]
}

/// A map as Jepsen writes an operation, with anything as its fields.
pub(crate) fn op() -> impl Strategy<Value = String> {
    let f = prop_oneof![
        Just(":poll".to_owned()),
        Just(":txn".to_owned()),
        Just(":commit".to_owned()),
        Just(":nemesis".to_owned()),
        value(1),
    ];
    let value = prop_oneof![micro_ops(), by_partition(), value(3)];
    (f, value, map(value_of_field()))
        .prop_map(|(f, value, more)| format!("{{:f {f}, :value {value}, :type :ok {}", &more[1..]))
}

fn value_of_field() -> impl Strategy<Value = String> {
    prop_oneof![value(2), by_partition()]
}

fn micro_ops() -> impl Strategy<Value = String> {
    let send = (value(1), value(1)).prop_map(|(key, value)| format!("[:send {key} {value}]"));
    let poll = by_partition().prop_map(|read| format!("[:poll {read}]"));
    proptest::collection::vec(prop_oneof![send, poll, value(1)], 0..4)
        .prop_map(|ops| format!("[{}]", ops.join(" ")))
}

fn by_partition() -> impl Strategy<Value = String> {
    let key = prop_oneof![4 => "[0-9]{1,2}", 1 => "\"[0-9a]{1,2}\"", 1 => scalar()];
    proptest::collection::vec((key, value(1)), 0..3)
        .prop_map(|pairs| {
            pairs.into_iter().map(|(key, value)| format!("{key} {value} ")).collect::<String>()
        })
        .prop_map(|pairs| format!("{{{pairs}}}"))
}

fn map(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let fields = prop::sample::select(vec![
        ":pos", ":hw", ":kind", ":process", ":type", ":x/y", ":$set", "\"a\"", "\"a b\"",
        "\"$set\"", "3",
    ]);
    proptest::collection::vec((fields, value), 0..4).prop_map(|pairs| {
        let pairs: Vec<_> =
            pairs.into_iter().map(|(key, value)| format!("{key} {value}")).collect();
        format!("{{{}}}", pairs.join(", "))
    })
}

fn value(depth: u32) -> impl Strategy<Value = String> {
    scalar().prop_recursive(depth, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3)
                .prop_map(|all| format!("[{}]", all.join(" "))),
            proptest::collection::vec(inner.clone(), 0..3)
                .prop_map(|all| format!("#{{{}}}", all.join(","))),
            map(inner.clone()),
            inner.prop_map(|tagged| format!("#a/b {tagged}")),
        ]
    })
}

fn scalar() -> impl Strategy<Value = String> {
    let odd = vec![
        "nil",
        "true",
        "false",
        "1/3",
        "1.50",
        "-0",
        "12345678901234567890",
        "5N",
        "1.0M",
        "1e400",
        "\\a",
        "\\newline",
        "\\(",
        "symbol",
        "a/b",
        "##Inf",
        "##NaN",
        "#\"a\\\"b\"",
        "#'user/x",
        "\"\"",
        "\"ok\"",
        "\"\\n\\u03bb\\\"\"",
        "\"λ\"",
    ];
    prop_oneof![
        any::<i64>().prop_map(|int| int.to_string()),
        "[a-z$]{1,3}".prop_map(|name| format!(":{name}")),
        "\"[a-z $]{0,4}\"",
        prop::sample::select(odd).prop_map(str::to_owned),
    ]
}
