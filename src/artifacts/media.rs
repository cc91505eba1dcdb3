//! How a downloaded artifact is described to a browser.
//!
//! It never looks into a file: the type comes from the name, and every file is an attachment.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Extensions (and whole names without one) that MLflow serves as plain text.
const TEXT: &[&str] = &[
    "txt",
    "log",
    "err",
    "cfg",
    "conf",
    "cnf",
    "cf",
    "ini",
    "properties",
    "prop",
    "hocon",
    "toml",
    "yaml",
    "yml",
    "xml",
    "json",
    "js",
    "py",
    "py3",
    "csv",
    "tsv",
    "md",
    "rst",
    "ipynb",
    "MLmodel",
    "MLproject",
];

/// What may stay unescaped in an extended header value: `attr-char` of RFC 5987.
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Gives the `Content-Type` of a file by its name: `text/plain` for what MLflow shows as text,
/// `application/octet-stream` for what nobody knows.
pub fn content_type(name: &str) -> &'static str {
    let extension = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        _ => name,
    };
    if TEXT.contains(&extension) {
        return "text/plain";
    }
    mime_guess::from_path(name)
        .first_raw()
        .unwrap_or("application/octet-stream")
}

/// Gives the `Content-Disposition` that makes a browser save a file under `name`.
///
/// The value is ASCII. A name that is not gets a stand-in for old clients and its exact form in
/// `filename*` (RFC 6266, RFC 5987).
pub fn attachment(name: &str) -> String {
    let plain: String = name.chars().map(ascii_or_underscore).collect();
    let quoted = quote(&plain);
    if plain == name {
        return format!("attachment; filename={quoted}");
    }
    let extended = utf8_percent_encode(name, EXTENDED);
    format!("attachment; filename={quoted}; filename*=UTF-8''{extended}")
}

fn ascii_or_underscore(c: char) -> char {
    if c == ' ' || c.is_ascii_graphic() {
        c
    } else {
        '_'
    }
}

/// Writes a token as it is and anything else as a quoted string.
fn quote(value: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !value.is_empty() && value.chars().all(is_token) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_the_name() {
        for (name, expected) in [
            ("a.txt", "text/plain"),
            ("a.json", "text/plain"),
            ("conda.yaml", "text/plain"),
            ("MLmodel", "text/plain"),
            ("page.html", "text/html"),
            ("plot.png", "image/png"),
            ("table.parquet", "application/vnd.apache.parquet"),
            ("model.pkl", "application/octet-stream"),
            (".json", "application/octet-stream"),
            ("no_extension", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), expected, "{name}");
        }
    }

    #[test]
    fn attachments_keep_every_name() {
        for (name, expected) in [
            ("a.txt", "attachment; filename=a.txt"),
            ("a b.txt", "attachment; filename=\"a b.txt\""),
            ("a\"b\\.txt", r#"attachment; filename="a\"b\\.txt""#),
            (
                "ä b.txt",
                "attachment; filename=\"_ b.txt\"; filename*=UTF-8''%C3%A4%20b.txt",
            ),
            (
                "日本",
                "attachment; filename=__; filename*=UTF-8''%E6%97%A5%E6%9C%AC",
            ),
            (
                "a\r\nb",
                "attachment; filename=a__b; filename*=UTF-8''a%0D%0Ab",
            ),
            ("", "attachment; filename=\"\""),
        ] {
            assert_eq!(attachment(name), expected, "{name:?}");
        }
    }
}
