//! Laws of the two notations: nothing is lost between them, and no text whatever makes a reader panic.

mod arbitrary;

use ktrial_checker::notation::convert::{edn_to_klog, klog_to_edn};
use ktrial_checker::notation::{ReadError, Tokens, edn};
use proptest::prelude::*;

fn to_klog(text: &str) -> String {
    let mut out = Vec::new();
    edn_to_klog(text.as_bytes(), &mut out).unwrap_or_else(|error| panic!("{error}: {text}"));
    String::from_utf8(out).unwrap()
}

fn to_edn(text: &str) -> String {
    let mut out = Vec::new();
    klog_to_edn(text.as_bytes(), &mut out).unwrap_or_else(|error| panic!("{error}: {text}"));
    String::from_utf8(out).unwrap()
}

fn all(text: &[u8]) -> Result<Vec<Tokens>, ReadError> {
    let (mut forms, mut read, mut tokens) = (edn::Forms::new(text), Vec::new(), Tokens::new());
    while forms.next(&mut tokens)? {
        read.push(tokens.clone());
    }
    Ok(read)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn edn_survives_klog(forms in proptest::collection::vec(arbitrary::top_level(), 0..4)) {
        let text: String = forms.iter().map(|form| format!("{form}\n")).collect();
        let back = to_edn(&to_klog(&text));
        let (expected, found) = (all(text.as_bytes()).unwrap(), all(back.as_bytes()).unwrap());
        prop_assert_eq!(expected.len(), forms.len());
        prop_assert_eq!(expected.len(), found.len());
        for (expected, found) in expected.iter().zip(&found) {
            prop_assert!(expected.form().same_as(found.form()), "{}\n{}", text, back);
        }
        prop_assert_eq!(to_klog(&back), to_klog(&text));
    }

    #[test]
    fn no_damaged_text_makes_the_reader_panic(
        forms in proptest::collection::vec(arbitrary::top_level(), 1..4),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let mut text: Vec<u8> = forms.join("\n").into_bytes();
        for (place, byte, how) in damage {
            let place = place.index(text.len());
            match how {
                0 => text[place] = byte,
                1 => text.insert(place, byte),
                _ => text.truncate(place.max(1)),
            }
        }
        let mut out = Vec::new();
        if edn_to_klog(&text[..], &mut out).is_ok() {
            to_edn(&String::from_utf8(out).unwrap());
        }
    }

    #[test]
    fn a_file_cut_short_is_told_from_a_broken_one(
        forms in proptest::collection::vec(arbitrary::op(), 1..4),
        cut: prop::sample::Index,
        in_a_vector: bool,
    ) {
        let whole = forms.join("\n");
        let text = if in_a_vector { format!("[{whole}]") } else { whole };
        let mut cut = cut.index(text.len());
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        match all(&text.as_bytes()[..cut]) {
            Ok(read) => prop_assert!(read.len() < forms.len() || cut == text.len()),
            Err(error) => prop_assert!(matches!(error, ReadError::Truncated { .. }), "{error}: {}", &text[..cut]),
        }
    }
}

#[test]
fn both_layouts_are_read() {
    let lines = "{:index 0, :type :invoke}\n; a comment\n{:index 1}  #_{:index 2}\n";
    let vector = "[{:index 0 :type :invoke}\n #_ {:x 1} {:index 1},]";
    let list = "({:index 0 :type :invoke} {:index 1})";
    for text in [lines, vector, list] {
        let read = all(text.as_bytes()).unwrap();
        let index = |tokens: &Tokens| tokens.form().get("index").unwrap().int();
        assert_eq!(read.iter().map(index).collect::<Vec<_>>(), [Some(0), Some(1)], "{text}");
    }
}

#[test]
fn a_broken_text_is_an_error_that_says_where() {
    let deep = "[".repeat(60);
    let broken = [
        "{:a 1}\n{:b ]}",
        "{:a 1}\n{:b}",
        "{:a 1 :b 12x}",
        "{:a \"x\\q\"}",
        "{:a 1}\n{:b {:c\n{:d 1}\n",
        "{:a 1}\n{:b",
        "[{:a 1}\n {:b 2}\n",
        "[{:a 1}] {:b 2}",
        "{: 1}",
        "{:a @b}",
        "{:a # b}",
        &deep,
    ];
    let errors: Vec<_> =
        broken.iter().map(|text| all(text.as_bytes()).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(errors.join("\n"), @r"
    line 2, column 5: expected a value or `}`, found `]`
    line 2, column 4: expected a value for the map's last key, found `}`
    line 1, column 10: expected a number, found `12x`
    line 1, column 7: expected an escape that exists
    line 2, column 1: this value never ends: a bracket or a quote is missing
    line 2: the file ends in the middle of this line
    line 2: the file ends in the middle of this line
    line 1, column 10: expected nothing after the end of the vector
    line 1, column 3: expected the name of a keyword after `:`
    line 1, column 5: expected a value
    line 1, column 6: expected a tag after `#`
    line 1, column 42: more than 40 values inside each other
    ");
}

#[test]
fn a_header_survives_edn() {
    let klog = "{\"h\":\"klog/1\",\"keys\":{\"a-0\":{\"topic\":\"a\",\"partition\":0}}}\n{\"time\":1,\"f\":\"poll\",\"value\":[[\"poll\",{\"a-0\":[]}]],\"x\":{\"$set\":[]}}\n";
    assert_eq!(to_klog(&to_edn(klog)), klog);
    assert_eq!(
        to_edn(klog).lines().nth(1),
        Some(r#"{:time 1, :f :poll, :value [[:poll {"a-0" []}]], :x #{}}"#)
    );
}

#[test]
fn records_are_plain_objects_under_a_header_that_names_them() {
    let text = "#jepsen.history.Op {:index 0}\n{:index 1}\n#other {:index 2}\n";
    let klog = to_klog(text);
    assert_eq!(
        klog.lines().collect::<Vec<_>>(),
        [
            r#"{"h":"klog/1","source":"jepsen","key_type":"int","op_tag":"jepsen.history.Op"}"#,
            r#"{"index":0}"#,
            r#"{"$map":[[{"$keyword":"index"},1]]}"#,
            r#"{"$tagged":["other",{"index":2}]}"#,
        ]
    );
    assert_eq!(to_edn(&klog).split_once('\n').unwrap().1, text);
}

#[test]
fn a_value_larger_than_a_chunk_is_read() {
    let long = "x".repeat(300_000);
    let text = format!("{{:a \"{long}\"}}\n{{:b 1}}");
    let read = all(text.as_bytes()).unwrap();
    assert_eq!(read[0].form().get("a").unwrap().text(), Some(&*long));
    assert_eq!(read[1].form().get("b").unwrap().int(), Some(1));
}
