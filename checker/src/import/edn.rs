//! Jepsen's EDN: every operation is read as the line of `klog/1` that it would be.
//!
//! What EDN has and `klog/1` has not is bent: keywords are strings, all operations without a process are one's. A file that
//! was made of a `klog/1` file is read with that file's header.

use crate::klog::{Imported, ReadError, Reader};
use crate::notation::convert::KeptHeader;
use crate::notation::{Form, Tokens, cut_line, edn};
use std::io::{BufRead, Read};

/// Reads a file of EDN.
pub(super) fn read(input: impl BufRead) -> Result<Imported, ReadError> {
    let mut reader = Reader::default();
    let cut_line = cut_line(operations(&mut reader, input))?;
    let imported = reader.finish().map_err(|problem| problem.at(1, true))?;
    Ok(Imported { cut_line, ..imported })
}

fn operations(reader: &mut Reader, mut input: impl BufRead) -> Result<(), ReadError> {
    let kept = KeptHeader::read(&mut input)?;
    if let Some(header) = &kept.header {
        reader.line(&header.text).map_err(|problem| problem.at(1, true))?;
    }
    let mut forms = edn::Forms::new(kept.line.as_bytes().chain(input));
    let mut tokens = Tokens::new();
    let mut needs_header = kept.header.is_none();
    while forms.next(&mut tokens)? {
        if std::mem::take(&mut needs_header) {
            reader.line(header(tokens.form())).map_err(|problem| forms.wrong(problem))?;
        }
        reader.form(tokens.form()).map_err(|problem| forms.wrong(problem))?;
    }
    Ok(())
}

/// Histories made by hand have no times; the reader counts operations then, which says nothing across processes.
fn header(first: Form<'_>) -> &'static str {
    match first.untagged().get("time").is_some() {
        true => r#"{"h":"klog/1","source":"jepsen"}"#,
        false => r#"{"h":"klog/1","source":"jepsen","clock":"per-process"}"#,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Clock, Source, What};

    const OPS: &str = r#"
        {:index 0 :time 5 :process 0 :type :invoke :f :send :value [[:send 1 7]]}
        #jepsen.history.Op{:index 1 :time 9 :process 0 :type :ok :f :send :value [[:send 1 [0 7]]]}
        {:index 2 :time 11 :process :nemesis :type :info :f :kill :value #{"n1"}}
        {:index 3 :time 12 :process 1 :type :invoke :f :poll :value [[:poll]]}
        {:index 4 :time 15 :process 1 :type :ok :f :poll :value [[:poll {1 [[0 7]]}]]}"#;

    fn whats(imported: &Imported) -> Vec<What> {
        imported.history.events().map(|(_, event)| event.what).collect()
    }

    #[test]
    fn jepsens_operations_are_read_from_lines_and_from_a_vector() {
        let lines = read(OPS.as_bytes()).unwrap();
        let vector = read(format!("[{OPS}]").as_bytes()).unwrap();
        assert_eq!(whats(&lines), whats(&vector));
        assert!(matches!(
            whats(&lines)[..],
            [What::SendInvoked { .. }, What::SendOk { .. }, What::Polled { .. }]
        ));
        assert_eq!(lines.ignored, [("kill info".to_owned(), 1)].into());
        assert_eq!(lines.history.meta().source, Source::Jepsen);
        let judgement = crate::judge(&lines.history, &crate::contract::Contract::default());
        assert_eq!(judgement.anomalies.len(), 0);
    }

    #[test]
    fn operations_without_times_are_counted() {
        let ops = "{:process 0 :type :invoke :f :send :value [[:send 1 7]]}\n\
                   {:process 0 :type :info :f :send :value [[:send 1 7]]}";
        let history = read(ops.as_bytes()).unwrap().history;
        let times: Vec<u64> = history.events().map(|(_, event)| event.time.0).collect();
        assert_eq!(times, [0, 1]);
        assert_eq!(history.meta().clock, Clock::PerProcess);
    }

    #[test]
    fn keywords_may_name_partitions_and_values_and_processes_may_have_no_name() {
        let ops = "{:type :invoke :f :send :value [[:send :x :a]]}\n\
                   {:type :ok :f :send :value [[:send :x [3 :a]]]}\n\
                   {:type :invoke :f :poll :value [[:poll]]}\n\
                   {:type :ok :f :poll :value [[:poll {:x [[3 :a]]}]] :rebalance-log [{:keys [:x]}]}";
        let imported = read(ops.as_bytes()).unwrap();
        assert_eq!(imported.ignored, [].into());
        assert_eq!(imported.history.keys()[0].topic, "x");
        let kinds = whats(&imported);
        assert!(matches!(kinds[2..], [What::Rebalanced { .. }, What::Polled { .. }]), "{kinds:?}");
    }

    #[test]
    fn what_is_wrong_with_a_value_is_named_by_its_line_and_column() {
        let error = |value: &str| {
            let ops = format!("{{:process 0 :type :ok :f :poll\n :value {value}}}");
            read(ops.as_bytes()).unwrap_err().to_string()
        };
        assert_eq!(
            error("[[:poll {1 [[-4 7]]}]]"),
            "line 2, column 22: expected an offset from 0 to 2^53, found `-4`"
        );
        assert_eq!(
            error("[[:poll {1 [[4]]}]]"),
            "line 2, column 23: expected a value, found the end"
        );
        assert_eq!(
            error("[[:poll {1 [[4 7/3]]}]]"),
            "line 2, column 24: expected a value: a number or a string, found `7/3`"
        );
        assert_eq!(
            error("[[:send 1 7]]"),
            "line 2, column 11: expected a micro-operation `poll`, found `send`"
        );
    }

    #[test]
    fn a_wrong_operation_is_named_by_its_line() {
        let ops = format!("{OPS}\n{{:process 0 :type :ok :time 16 :f :sned :value nil}}");
        assert_eq!(
            read(ops.as_bytes()).unwrap_err().to_string(),
            "line 7, column 35: `sned` is no operation; did you mean `send`?"
        );
    }
}
