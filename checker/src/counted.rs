//! How many of something there are, in words.

/// `1 record`, `2 records`: so many of what is named in the singular.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// The verb after so many.
pub(crate) fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let told = |count| format!("{} {} lost", counted(count, "record"), are(count));
        assert_eq!(
            [0, 1, 2].map(told),
            ["0 records are lost", "1 record is lost", "2 records are lost"]
        );
    }
}
