//! The JSON Schema of `klog/1` says what the reader reads.

use super::{cases, klog_laws::written, vocabulary};
use jsonschema::Validator;
use ktrial_checker::klog;
use proptest::prelude::*;

fn validator() -> Validator {
    let schema = serde_json::from_str(klog::SCHEMA).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is one")
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn every_line_that_is_written_is_as_the_schema_says(history in vocabulary::histories()) {
        thread_local!(static VALIDATOR: Validator = validator());
        for line in String::from_utf8(written(&history)).unwrap().lines() {
            let json = serde_json::from_str(line).unwrap();
            VALIDATOR.with(|validator| {
                let error = validator.validate(&json).map_err(|error| error.to_string());
                prop_assert_eq!(error, Ok(()), "{}", line);
                Ok(())
            })?;
        }
    }
}

/// Whether the reader takes a line after a header, and whether the schema does.
fn taken(line: &str) -> (bool, bool) {
    let event = format!("{{\"time\":1,\"process\":0,{line}}}");
    let invoked = ["send", "commit", "committed", "list_offsets", "txn"].map(|f| {
        let value = match f {
            "send" => "[[\"send\",\"t-0\",7]]",
            "txn" => "[]",
            _ => "{\"t-0\":1}",
        };
        format!(
            "{{\"time\":0,\"process\":0,\"call\":{},\"type\":\"invoke\",\"f\":\"{f}\",\"group\":\"g\",\"value\":{value}}}\n",
            f.len()
        )
    });
    let file = format!("{{\"h\":\"klog/1\"}}\n{}{event}\n", invoked.concat());
    let is_valid = serde_json::from_str(&event).is_ok_and(|json| validator().is_valid(&json));
    (klog::read(file.as_bytes()).is_ok(), is_valid)
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    for line in [
        r#""type":"ok","call":4,"f":"send","value":[["send","t-0",[null,"x"],{"seq":1,"key":true}]]"#,
        r#""type":"info","call":3,"f":"txn","value":[["poll",{}],["send_offsets","g",{"t-0":3}]]"#,
        r#""type":"ok","f":"poll","value":[["poll",{"t-0":{"s":3,"v":[1,2],"gaps":[[1,9]]}}]]"#,
        r#""type":"ok","f":"poll","call":null,"value":null,"drained":{"t-0":3}"#,
        r#""type":"ok","f":"log_dump","value":{"t-0":[[0,null,"abort",3,0],[1,7]]}"#,
        r#""type":"ok","f":"rebalance","rebalance":[{"keys":[0,"t-1"]}]"#,
        r#""type":"info","f":"something-else","value":[1,{"a":2}]"#,
        r#""type":"ok","call":12,"f":"list_offsets","value":{"t-0":{"o":3}}"#,
        r#""type":"ok","call":9,"f":"committed","value":{"t-0":null}"#,
    ] {
        assert_eq!(taken(line), (true, true), "{line}");
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    for line in [
        r#""f":"poll""#,
        r#""type":"okay","f":"poll""#,
        r#""type":"ok","call":4,"f":"send","value":[["send","t-0"]]"#,
        r#""type":"ok","call":4,"f":"send","value":[["sent","t-0",[0,7]]]"#,
        r#""type":"ok","call":4,"f":"send","value":[["send","t-0",[-1,7]]]"#,
        r#""type":"ok","call":4,"f":"send""#,
        r#""type":"ok","call":3,"f":"txn","value":[["begin"]]"#,
        r#""type":"ok","f":"poll","value":[["poll",{"t-0":[[0]]}]]"#,
        r#""type":"ok","f":"poll","value":[["poll",{"t-0":{"v":[7]}}]]"#,
        r#""type":"ok","f":"seek","by":"luck","value":{"t-0":0}"#,
        r#""type":"ok","f":"seek","value":{"t-0":null}"#,
        r#""type":"ok","f":"assign","value":[true]"#,
        r#""type":"ok","f":"init_producer""#,
        r#""type":"ok","f":"log_dump","value":{"t-0":[[0,7,"date"]]}"#,
        r#""type":"ok","f":"rebalance","rebalance":[{"kind":"stolen"}]"#,
        r#""type":"ok","f":"poll","gen":-4"#,
        r#""type":"ok","call":12,"f":"list_offsets","value":{"t-0":{"which":"first"}}"#,
    ] {
        assert_eq!(taken(line), (false, false), "{line}");
    }
}
