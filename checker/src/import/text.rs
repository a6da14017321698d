//! The first bytes of a file: whether they are text at all.

use crate::klog::ReadError;
use std::io::BufRead;

/// What some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How files begin that are no text, with what they are and what to do.
const DISGUISES: [(&[u8], &str); 7] = [
    (b"\x1f\x8b", "found a file compressed by gzip: gunzip it first"),
    (b"\x28\xb5\x2f\xfd", "found a file compressed by zstd: unzstd it first"),
    (b"\xfd7zXZ", "found a file compressed by xz: unxz it first"),
    (b"BZh", "found a file compressed by bzip2: bunzip2 it first"),
    (b"PK\x03\x04", "found a zip archive: unzip it first"),
    (b"\xff\xfe", "found UTF-16: convert it to UTF-8 first, with iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "found UTF-16: convert it to UTF-8 first, with iconv -f UTF-16 -t UTF-8"),
];

/// Passes over a byte order mark, so that the text comes next.
///
/// # Errors
/// Those of `input`, and if it seems to be no text.
pub fn begin(input: &mut impl BufRead) -> Result<(), ReadError> {
    let start = input.fill_buf()?;
    if let Some(found) = disguise(start) {
        let problem = format!("expected text, {found}");
        return Err(ReadError::Malformed { line: 1, column: 1, problem });
    }
    let mark = if start.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    input.consume(mark);
    Ok(())
}

fn disguise(start: &[u8]) -> Option<&'static str> {
    let known = DISGUISES.iter().find(|(magic, _)| start.starts_with(magic));
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match known {
        Some((_, found)) => Some(found),
        None if line.contains(&0) => {
            Some("found other bytes, perhaps UTF-16 (iconv makes it UTF-8)")
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(mut bytes: &[u8]) -> Result<String, String> {
        begin(&mut bytes).map_err(|error| error.to_string())?;
        Ok(std::io::read_to_string(bytes).unwrap())
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(begun(b"\xef\xbb\xbf{\"h\":\"klog/1\"}").unwrap(), "{\"h\":\"klog/1\"}");
        assert_eq!(begun(b"orders 0 0 k 1").unwrap(), "orders 0 0 k 1");
        assert_eq!(begun(b"").unwrap(), "");
    }

    #[test]
    fn what_is_no_text_is_named_with_the_remedy() {
        let errors = [&b"\x1f\x8b\x08"[..], b"\xff\xfe{\0", b"{\0\"\0h\0", b"PK\x03\x04\x14"];
        insta::assert_snapshot!(errors.map(|bytes| begun(bytes).unwrap_err()).join("\n"), @r"
        line 1, column 1: expected text, found a file compressed by gzip: gunzip it first
        line 1, column 1: expected text, found UTF-16: convert it to UTF-8 first, with iconv -f UTF-16 -t UTF-8
        line 1, column 1: expected text, found other bytes, perhaps UTF-16 (iconv makes it UTF-8)
        line 1, column 1: expected text, found a zip archive: unzip it first
        ");
    }
}
