//! What a counterexample says, read as a story.

use ktrial_checker::linearizability::models::register::{Input, Output, Register};
use ktrial_checker::linearizability::{Budget, Operation, Verdict, check};

#[test]
fn a_stale_read_is_told_with_the_two_writes_that_prove_it() {
    let history = [
        Operation::completed(0_u64, 1, Input::Write(1), 2, Output::Done),
        Operation::completed(1_u64, 3, Input::Write(2), 6, Output::Done),
        Operation::completed(2_u64, 4, Input::Read, 5, Output::Value(Some(1))),
        Operation::crashed(3_u64, 7, Input::Write(3)),
        Operation::completed(0_u64, 8, Input::Read, 9, Output::Value(Some(1))),
        Operation::completed(1_u64, 10, Input::Read, 11, Output::Value(Some(3))),
    ];
    let Verdict::Illegal(found) = check(&Register::default(), &history, Budget::default()) else {
        panic!("1 was overwritten");
    };
    assert_eq!((found.failing, found.prefix, &found.core[..]), (4, 5, &[0, 1, 4][..]));
    insta::assert_snapshot!(found.explain.join("\n"));
}
