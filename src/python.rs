//! Spells values as Python prints them, for error texts that must equal MLflow's word for word.

use serde::Serialize;
use serde_json::Value as Json;
use serde_json::ser::Formatter;
use std::fmt::Write;
use std::io;

/// Writes JSON as Python's `json.dumps(value, sort_keys=True, separators=(",", ":"))` does.
pub fn json(value: &Json) -> String {
    let plain = match value {
        Json::Number(number) if number.is_f64() => float(number.as_f64().unwrap_or(f64::NAN)),
        // serde_json keeps the keys of an object sorted and writes no blanks.
        other => other.to_string(),
    };
    in_ascii(&plain)
}

/// Writes JSON as Python's `json.dumps(value)` does, but for the keys of an object, which are
/// sorted.
pub fn json_with_spaces(value: &Json) -> String {
    let mut written = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut written, Spaces);
    // A JSON value always serializes, and into UTF-8.
    let _ = value.serialize(&mut serializer);
    in_ascii(&String::from_utf8_lossy(&written))
}

/// A blank behind each comma and colon.
struct Spaces;

impl Formatter for Spaces {
    fn begin_array_value<W: io::Write + ?Sized>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        w.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        w.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b": ")
    }
}

fn in_ascii(plain: &str) -> String {
    let mut ascii = String::with_capacity(plain.len());
    for c in plain.chars() {
        if c.is_ascii() {
            ascii.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(ascii, "\\u{unit:04x}");
        }
    }
    ascii
}

/// Writes a text as `repr(text)` does.
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut written = String::with_capacity(text.len() + 2);
    written.push(quote);
    for c in text.chars() {
        match c {
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            c if c == quote => {
                written.push('\\');
                written.push(c);
            }
            // Python escapes every blank but the plain one.
            c if c.is_control() || (c.is_whitespace() && c != ' ') => {
                let code = u32::from(c);
                // Writing to a String cannot fail.
                let _ = match code {
                    ..=0xff => write!(written, "\\x{code:02x}"),
                    _ => write!(written, "\\u{code:04x}"),
                };
            }
            c => written.push(c),
        }
    }
    written.push(quote);
    written
}

/// Writes a list of texts as `repr(list)` does.
pub fn repr_list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let items: Vec<_> = texts.into_iter().map(|text| repr(text.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// Writes a double as `repr(number)` does: the shortest form that reads back equal.
pub fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "inf".into()
        } else {
            "-inf".into()
        };
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    format!("{number:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_spelled_as_python_does() {
        let check = |number: f64, expected: &str| assert_eq!(float(number), expected);
        check(1.0, "1.0");
        check(-0.5, "-0.5");
        check(1e15, "1000000000000000.0");
        check(1e16, "1e+16");
        check(1.5e-7, "1.5e-07");
        check(0.0001, "0.0001");
        check(1e308, "1e+308");
        check(f64::NAN, "nan");
    }

    #[test]
    fn texts_are_quoted_as_python_does() {
        let check = |text: &str, expected: &str| assert_eq!(repr(text), expected);
        check("a", "'a'");
        check("it's", "\"it's\"");
        check("'\"", "'\\'\"'");
        check("a\nb\u{1}", "'a\\nb\\x01'");
        assert_eq!(repr_list(["a", "b"]), "['a', 'b']");
        assert_eq!(
            json_with_spaces(&serde_json::json!([{"name": "ü", "version": 1}, {}])),
            r#"[{"name": "\u00fc", "version": 1}, {}]"#
        );
        assert_eq!(json(&Json::from("ü𝄞")), "\"\\u00fc\\ud834\\udd1e\"");
    }
}
