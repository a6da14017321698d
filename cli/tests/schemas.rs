//! What `ktrial schema` prints describes what ktrial reads and writes: real files are held against it, and broken ones.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use jsonschema::Validator;
use serde_json::Value;

fn command(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ktrial")).args(arguments).output().unwrap()
}

/// What the command prints.
fn ktrial(arguments: &[&str]) -> String {
    String::from_utf8(command(arguments).stdout).unwrap()
}

fn schema(of: &str) -> Validator {
    let schema = serde_json::from_str(&ktrial(&["schema", of])).unwrap();
    jsonschema::draft202012::new(&schema).expect("a JSON Schema of draft 2020-12")
}

fn mistakes(schema: &Validator, document: &Value) -> Vec<String> {
    let errors = schema.iter_errors(document);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The document without one of its fields.
fn without(document: &Value, field: &str) -> Value {
    let mut document = document.clone();
    document.as_object_mut().unwrap().remove(field).expect("the field is there");
    document
}

#[test]
fn every_scenario_of_the_catalogue_is_a_scenario() {
    let schema = schema("scenario");
    let names = ktrial(&["list", "--names"]);
    assert!(names.lines().count() > 0);
    for name in names.lines().flat_map(|name| [name.to_owned(), format!("{name}+twin")]) {
        let scenario: Value = toml::from_str(&ktrial(&["show", &name])).unwrap();
        assert_eq!(mistakes(&schema, &scenario), [""; 0], "{name}");
    }
}

#[test]
fn kafka_keys_may_be_written_without_quotes() {
    let dotted: Value =
        toml::from_str("title = \"?\"\ncluster.config.min.insync.replicas = 2").unwrap();
    assert_eq!(mistakes(&schema("scenario"), &dotted), [""; 0]);
}

#[test]
fn a_scenario_with_a_key_that_does_not_exist_is_none() {
    let wrong: Value = toml::from_str("title = \"?\"\n[cluster]\nbroker = 3").unwrap();
    assert_eq!(mistakes(&schema("scenario"), &wrong).len(), 1);
}

/// Loses records on some of the first seeds, though it says that it keeps them.
const LOSES: &str = r#"
title = "Is it kept?"

[cluster]
brokers = 3

[[topics]]
name = "orders"
replication-factor = 3

[producers.config]
acks = "1"

[faults]
start = "500ms"
duration = "2s"

[faults.draw]
crash = { every = "200ms" }

[expect]
holds = ["acked-durability"]
"#;

#[test]
fn what_a_run_writes_is_as_described_and_a_bundle_replays() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("loses.toml"), LOSES).unwrap();
    let report = format!("json={}", path("summary.json"));
    let (file, out) = (path("loses.toml"), path("out"));
    ktrial(&["run", &file, "--seeds", "0..12", "--out", &out, "--report", &report, "--quiet"]);

    let (summary, schema_of_summary) =
        (read_json(Path::new(&path("summary.json"))), schema("summary"));
    assert_eq!(mistakes(&schema_of_summary, &summary), [""; 0]);
    assert!(!schema_of_summary.is_valid(&without(&summary, "scenarios")));

    let (schema_of_bundle, schema_of_plan) = (schema("bundle"), schema("plan"));
    let files = fs::read_dir(out).unwrap().map(|file| file.unwrap().path());
    let bundles: Vec<_> =
        files.filter(|path| path.to_str().unwrap().ends_with(".ktr.json")).collect();
    assert!(!bundles.is_empty(), "a record is lost on one of the seeds");
    for path in bundles {
        let bundle = read_json(&path);
        assert_eq!(mistakes(&schema_of_bundle, &bundle), [""; 0]);
        assert!(!schema_of_bundle.is_valid(&without(&bundle, "trace_format")));
        assert_eq!(mistakes(&schema_of_plan, &bundle["fault_plan"]), [""; 0]);
        assert!(!schema_of_plan.is_valid(&without(&bundle["fault_plan"], "faults")));
        let replayed = command(&["replay", path.to_str().unwrap()]);
        assert!(replayed.status.success(), "it goes as before, whatever it found");
    }
}
