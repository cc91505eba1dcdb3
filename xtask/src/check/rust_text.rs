//! Reading Rust source as text: what is code in it, and which paths begin at a given root.
//!
//! It knows just enough of the language for the import rule, and expects source that rustfmt has
//! been over. It never expands macros.

/// Gives the source with comments, strings and character literals blanked out, line by line in
/// place.
pub(crate) fn code_only(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let opaque = comment(rest)
            .or_else(|| raw_string(rest))
            .or_else(|| quoted(rest));
        let length = opaque.unwrap_or(first.len_utf8());
        let (token, tail) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if opaque.is_some() {
            code.extend(token.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            code.push(first);
        }
        rest = tail;
    }
    code
}

/// Gives the length in bytes of the comment at the start of the text.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    text.strip_prefix("/*")?;
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next()?.len_utf8();
        }
    }
    None
}

/// Gives the length in bytes of the raw string at the start of the text.
fn raw_string(text: &str) -> Option<usize> {
    let after_r = text.strip_prefix('r')?;
    let body = after_r.trim_start_matches('#');
    let hashes = after_r.len() - body.len();
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.strip_prefix('"')?.find(&end)?;
    Some(1 + hashes + 1 + length + end.len())
}

/// Gives the length in bytes of the string or character literal at the start of the text. A quote
/// that opens a lifetime or a label is no literal.
fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let body = text.strip_prefix(quote)?;
    if quote == '\'' && !body.starts_with('\\') && body.chars().nth(1) != Some('\'') {
        return None;
    }
    let mut is_escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == quote => return Some(1 + at + 1),
            _ => {}
        }
    }
    None
}

/// Gives every path in the code that begins with `<root>::`, without that root and with `use`
/// groups taken apart: `crate::db::{Tx, row}` gives `db::Tx` and `db::row`. Lines count from 1.
pub(crate) fn paths_from(root: &str, code: &str) -> Vec<(usize, String)> {
    let start = format!("{root}::");
    let mut found = Vec::new();
    for (at, _) in code.match_indices(&start) {
        let (before, path) = code
            .split_at_checked(at + start.len())
            .unwrap_or((code, ""));
        let preceding = before.strip_suffix(&start).unwrap_or(before);
        if preceding.ends_with(|c: char| is_ident(c) || c == ':') {
            continue;
        }
        let mut tree = Tree {
            rest: path,
            line: 1 + before.matches('\n').count(),
            found,
        };
        tree.read("");
        found = tree.found;
    }
    found
}

/// Whether the character may stand in an identifier.
pub(crate) fn is_ident(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A path or `use` tree that is being read.
struct Tree<'a> {
    rest: &'a str,
    line: usize,
    found: Vec<(usize, String)>,
}

impl Tree<'_> {
    fn read(&mut self, prefix: &str) {
        if self.take("{") {
            return self.read_group(prefix);
        }
        let end = self.rest.find(|c| !is_ident(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        let path = match (prefix, name) {
            (_, "" | "self") => prefix.to_owned(),
            ("", _) => name.to_owned(),
            _ => format!("{prefix}::{name}"),
        };
        if self.take("::") {
            self.read(&path);
        } else if !path.is_empty() {
            self.found.push((self.line, path));
        }
    }

    fn read_group(&mut self, prefix: &str) {
        loop {
            self.skip_to(|c| !c.is_whitespace());
            if self.rest.is_empty() || self.take("}") {
                return;
            }
            self.read(prefix);
            // Behind a member of a group stands `as name`, a comma or the closing brace.
            self.skip_to(|c| matches!(c, ',' | '}'));
            self.take(",");
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(token) else {
            return false;
        };
        self.rest = rest;
        true
    }

    fn skip_to(&mut self, is_wanted: impl Fn(char) -> bool) {
        let end = self.rest.find(is_wanted).unwrap_or(self.rest.len());
        let (skipped, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[(usize, &str)]) {
        let found = paths_from("crate", &code_only(source));
        let found: Vec<(usize, &str)> = found
            .iter()
            .map(|(line, path)| (*line, path.as_str()))
            .collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn uses_and_inline_paths_are_found() {
        check("use crate::db;", &[(1, "db")]);
        check(
            "\nlet x = crate::db::tx::open::<u8>(y);",
            &[(2, "db::tx::open")],
        );
        check("use crate::error::*;", &[(1, "error")]);
        check("pub use crate::a::B as C;", &[(1, "a::B")]);
        check("crate::params![1]", &[(1, "params")]);
    }

    #[test]
    fn groups_are_taken_apart() {
        check(
            "use crate::{\n    a::{self, B as C},\n    d,\n};\nuse crate::e::{F};",
            &[(2, "a"), (2, "a::B"), (3, "d"), (5, "e::F")],
        );
    }

    #[test]
    fn text_that_is_no_code_is_passed_over() {
        check(
            "// crate::a\n/* crate::b /* */ crate::c */ crate::d",
            &[(2, "d")],
        );
        check(
            r##"let s = "crate::a \" crate::b"; let r = r#"crate::c " "#; crate::d"##,
            &[(1, "d")],
        );
        check(
            "let c = '\"'; crate::a; let q = '\\''; crate::b",
            &[(1, "a"), (1, "b")],
        );
        check("fn f<'a>(x: &'a str) -> crate::a::B<'a> {}", &[(1, "a::B")]);
        check("my_crate::a; x::crate::b", &[]);
    }

    #[test]
    fn lines_survive_blanking() {
        let source = "a /* 1\n2 */ b \"é\n\" c";
        assert_eq!(code_only(source), "a     \n     b   \n  c");
    }
}
