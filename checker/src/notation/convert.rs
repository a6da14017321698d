//! A whole file from EDN to `klog/1` and back, value by value and without loss.
//!
//! The header of a `klog/1` file becomes a comment in EDN, and such a comment on the first line becomes the header again.
//! A file by another hand gets a header that says where it came from. Operations that are records of one type say so in
//! the header (`op_tag`), and are plain objects below.

use super::names::{self, KeyType};
use super::{Form, Problem, ReadError, Shape, Token, Tokens, cut_line, edn, json};
use crate::lines::Lines;
use std::io::{self, BufRead, Read, Write};
use thiserror::Error;

/// How the comment begins that keeps a header in a file of EDN.
const HEADER_COMMENT: &str = ";klog ";

/// Why a file could not be converted.
#[derive(Debug, Error)]
pub enum ConvertError {
    /// The file is not what it should be.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The result could not be written.
    #[error("writing failed")]
    Write(#[from] io::Error),
}

/// Writes a history in EDN as `klog/1`. Returns the last line, if the file ends in the middle of it and it was left out. Give
/// it a buffered writer.
///
/// # Errors
/// Those of `input` and `out`, and the first thing that is no EDN.
pub fn edn_to_klog(input: impl BufRead, out: impl Write) -> Result<Option<u64>, ConvertError> {
    but_for_a_cut_line(forms_to_klog(input, out))
}

fn forms_to_klog(mut input: impl BufRead, mut out: impl Write) -> Result<(), ConvertError> {
    let kept = KeptHeader::read(&mut input)?;
    let mut forms = edn::Forms::new(kept.line.as_bytes().chain(input));
    let (mut tokens, mut line) = (Tokens::new(), String::new());
    let mut found = forms.next(&mut tokens)?;
    let header = match kept.header {
        Some(header) => header,
        None => Header::of_jepsen(found.then(|| tokens.form())),
    };
    writeln!(out, "{}", header.text)?;
    while found {
        header.mark_untagged(&mut tokens);
        names::to_klog(&mut tokens, header.key_type);
        json::write(header.untagged(&tokens), &mut line);
        line.push('\n');
        out.write_all(line.as_bytes())?;
        line.clear();
        found = forms.next(&mut tokens)?;
    }
    Ok(())
}

/// Writes a `klog/1` file as EDN, one operation a line. Returns the last line, if the file ends in the middle of it and it
/// was left out. Give it a buffered writer.
///
/// # Errors
/// Those of `input` and `out`, and the first line that is no JSON.
pub fn klog_to_edn(input: impl BufRead, mut out: impl Write) -> Result<Option<u64>, ConvertError> {
    let mut lines = KlogLines::new(input);
    let mut has_header = false;
    let cut_line = but_for_a_cut_line(lines_to_edn(&mut lines, &mut has_header, &mut out))?;
    lines.write_header_once(&mut has_header, &mut out)?;
    Ok(cut_line)
}

fn lines_to_edn(
    lines: &mut KlogLines<impl BufRead>,
    has_header: &mut bool,
    out: &mut impl Write,
) -> Result<(), ConvertError> {
    let (mut tokens, mut text) = (Tokens::new(), String::new());
    while lines.next(&mut tokens)? {
        lines.write_header_once(has_header, out)?;
        text.clear();
        edn::write(tokens.form(), &mut text);
        writeln!(out, "{text}")?;
    }
    Ok(())
}

fn but_for_a_cut_line(done: Result<(), ConvertError>) -> Result<Option<u64>, ConvertError> {
    match done {
        Err(ConvertError::Read(error)) => Ok(cut_line(Err(error))?),
        done => done.map(|()| None),
    }
}

/// The operations of a `klog/1` file, as EDN has them.
pub(crate) struct KlogLines<R> {
    lines: Lines<R>,
    number: u64,
    header: Option<Header>,
}

impl<R: BufRead> KlogLines<R> {
    pub(crate) fn new(input: R) -> Self {
        KlogLines { lines: Lines::of(input), number: 0, header: None }
    }

    /// The number of the line that was read last, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Reads the next operation; `false` at the end of the file.
    pub(crate) fn next(&mut self, tokens: &mut Tokens) -> Result<bool, ReadError> {
        while let Some(line) = self.lines.next()? {
            self.number = line.number;
            match &self.header {
                None => self.header = Some(Header::read(line.text, line.number)?),
                Some(_) if line.text.is_empty() => {}
                Some(header) => {
                    json::read(line.text, tokens)
                        .map_err(|problem| problem.at(line.number, line.is_whole))?;
                    header.tag(tokens);
                    names::to_edn(tokens, header.key_type);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn write_header_once(&self, is_written: &mut bool, out: &mut impl Write) -> io::Result<()> {
        match &self.header {
            Some(header) if !*is_written => {
                *is_written = true;
                writeln!(out, "{HEADER_COMMENT}{}", header.text)
            }
            _ => Ok(()),
        }
    }
}

/// The first line of a file of EDN, if it is a comment that keeps a header.
pub(crate) struct KeptHeader {
    /// The comment, or nothing.
    pub(crate) line: String,
    /// The header in it.
    pub(crate) header: Option<Header>,
}

impl KeptHeader {
    pub(crate) fn read(input: &mut impl BufRead) -> Result<KeptHeader, ReadError> {
        let mut line = String::new();
        if input.fill_buf()?.starts_with(HEADER_COMMENT.as_bytes()) {
            input.read_line(&mut line)?;
        }
        let header = line.strip_prefix(HEADER_COMMENT);
        let header = header.map(|header| Header::read(header.trim_end(), 1)).transpose()?;
        Ok(KeptHeader { line, header })
    }
}

/// What a header says of its file's notation.
pub(crate) struct Header {
    /// The line.
    pub(crate) text: String,
    pub(crate) key_type: KeyType,
    /// The type of record that every plain object is.
    op_tag: Option<String>,
}

impl Header {
    fn read(line: &str, number: u64) -> Result<Header, ReadError> {
        let mut tokens = Tokens::new();
        json::read(line, &mut tokens).map_err(|problem| problem.at(number, true))?;
        let header = tokens.form();
        if header.get("h").and_then(Form::text).is_none() {
            return Err(Problem::new("expected a header, {\"h\":\"klog/1\",...}").at(number, true));
        }
        let key_type = match header.get("key_type").and_then(Form::text) {
            Some("int") => KeyType::Int,
            _ => KeyType::String,
        };
        let op_tag = header.get("op_tag").and_then(Form::text).map(str::to_owned);
        Ok(Header { text: line.to_owned(), key_type, op_tag })
    }

    /// The header of a file that has none, by its first operation.
    fn of_jepsen(first: Option<Form<'_>>) -> Header {
        let tag = first.and_then(Form::tag);
        let mut text = r#"{"h":"klog/1","source":"jepsen","key_type":"int""#.to_owned();
        if let Some(tag) = tag {
            text += &format!(",\"op_tag\":{}", serde_json::Value::from(tag));
        }
        text.push('}');
        Header { text, key_type: KeyType::Int, op_tag: tag.map(str::to_owned) }
    }

    /// Marks an operation that lacks the tag which the header mentions: it is not written as an object.
    fn mark_untagged(&self, tokens: &mut Tokens) {
        if self.op_tag.is_some() && matches!(tokens.form().token(), Token::Open(Shape::Map, _)) {
            tokens.reshape(0, Shape::Pairs);
        }
    }

    /// The operation without the tag that the header mentions.
    fn untagged<'t>(&self, tokens: &'t Tokens) -> Form<'t> {
        let op = tokens.form();
        let is_understood = op.tag().is_some_and(|tag| self.op_tag.as_deref() == Some(tag));
        if is_understood && json::is_object(op.after_tag()) { op.after_tag() } else { op }
    }

    fn tag(&self, tokens: &mut Tokens) {
        if let (Some(tag), Token::Open(Shape::Map, _)) = (&self.op_tag, tokens.form().token()) {
            tokens.tag_all(tag);
        }
    }
}
