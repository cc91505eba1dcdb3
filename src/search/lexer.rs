//! Cuts a filter or an order clause into tokens.
//!
//! The cutting follows the SQL tokens that MLflow's grammar is built on: quotes are not unescaped,
//! a minus sign belongs to the number behind it, and a dotted identifier is one token with its
//! quotes. It never fails: what fits nowhere becomes a `Stray` token, which the parser reports.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier with its dots and quotes, or a keyword.
    Word,
    /// Text in single quotes.
    Text,
    Integer,
    Float,
    /// A run of `< > = ~ !`.
    Compare,
    /// A run of arithmetic signs.
    Operator,
    Open,
    Close,
    Semicolon,
    /// A comment, an unclosed quote or a character without a meaning here.
    Stray,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// The source text of the token, quotes included.
    pub(super) text: &'a str,
    /// Byte offset of the token in the source.
    pub(super) start: usize,
}

impl Token<'_> {
    /// Byte offset behind the token.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Tells whether the token is this keyword, in any case and not quoted.
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(keyword)
    }
}

/// Cuts the source into tokens, in time linear in its length; white space is left out.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(rest) = source.get(start..)
        && let Some(first) = rest.chars().next()
    {
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let (kind, length) = scan(rest, first);
        let text = rest.get(..length).unwrap_or(rest);
        found.push(Token { kind, text, start });
        start += text.len();
    }
    found
}

/// Gives the kind and the length in bytes, at least one character, of the token at the start.
fn scan(rest: &str, first: char) -> (Kind, usize) {
    if let Some(length) = comment_length(rest) {
        return (Kind::Stray, length);
    }
    if let Some(number) = number(rest) {
        return number;
    }
    if first == '\''
        && let Some(length) = quoted_length(rest, first)
    {
        return (Kind::Text, length);
    }
    if first != '\''
        && let Some(length) = path_length(rest)
    {
        return (Kind::Word, length);
    }
    match first {
        '(' => (Kind::Open, 1),
        ')' => (Kind::Close, 1),
        ';' => (Kind::Semicolon, 1),
        _ if is_compare(first) => (Kind::Compare, run_length(rest, is_compare)),
        _ if is_operator(first) => (Kind::Operator, run_length(rest, is_operator)),
        _ => (Kind::Stray, first.len_utf8()),
    }
}

fn is_compare(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '~' | '!')
}

fn is_operator(c: char) -> bool {
    matches!(c, '+' | '-' | '*' | '/' | '@' | '#' | '%' | '^' | '&' | '|')
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn run_length(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !belongs(c)).unwrap_or(rest.len())
}

fn comment_length(rest: &str) -> Option<usize> {
    if rest.starts_with("--") || rest.starts_with("# ") {
        return Some(rest.find(['\r', '\n']).unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |at| at + 2));
    }
    None
}

/// Reads `-?(digits[.digits] | .digits)[e[+-]digits]`, if no word continues it.
fn number(rest: &str) -> Option<(Kind, usize)> {
    let unsigned = rest.strip_prefix('-').unwrap_or(rest);
    let whole = run_length(unsigned, |c| c.is_ascii_digit());
    let mut tail = unsigned.get(whole..)?;
    let mut kind = Kind::Integer;
    let mut digits = whole;
    if let Some(fraction) = tail.strip_prefix('.') {
        let length = run_length(fraction, |c| c.is_ascii_digit());
        digits += length;
        tail = fraction.get(length..)?;
        kind = Kind::Float;
    }
    if digits == 0 {
        return None;
    }
    if let Some(exponent) = tail.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let length = run_length(exponent, |c| c.is_ascii_digit());
        if length > 0 {
            tail = exponent.get(length..)?;
            kind = Kind::Float;
        }
    }
    if tail.starts_with(is_word) {
        return None;
    }
    Some((kind, rest.len() - tail.len()))
}

/// Reads an identifier: segments joined by dots, each a word or quoted. A segment may be empty
/// behind a dot, and single quotes are quotes only there.
fn path_length(rest: &str) -> Option<usize> {
    let mut length = segment_length(rest)?;
    while let Some(tail) = rest.get(length..).and_then(|tail| tail.strip_prefix('.')) {
        length += 1 + segment_length(tail).unwrap_or(0);
    }
    Some(length)
}

fn segment_length(rest: &str) -> Option<usize> {
    match rest.chars().next()? {
        quote @ ('`' | '"' | '\'') => quoted_length(rest, quote),
        first if is_word(first) => Some(run_length(rest, |c| is_word(c) || matches!(c, '$' | '#'))),
        _ => None,
    }
}

/// Gives the length of the quoted text at the start, both quotes included. A doubled quote, and
/// except between backticks one behind a backslash, belongs to the text, unless the text would
/// then have no end: the last such quote closes it then.
fn quoted_length(rest: &str, quote: char) -> Option<usize> {
    let mut last_inner = None;
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        let doubled = c == quote;
        let escape = c == '\\' && quote != '`';
        if !doubled && !escape {
            continue;
        }
        match chars.next_if(|(_, next)| *next == quote) {
            None if doubled => return Some(at + 1),
            None => {}
            Some(_) if doubled => last_inner = Some(at + 1),
            Some((inner, _)) => last_inner = Some(inner + 1),
        }
    }
    last_inner
}
