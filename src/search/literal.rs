//! Literals of `IN (..)` lists, which MLflow reads as Python does: a printed tuple is a valid list.
//!
//! It never reads anything but strings and numbers.

use crate::python::repr;

/// An element of a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    /// A number as it was written, sign included.
    Number(String),
}

impl Literal {
    /// Gives the string, or the number as it was written.
    pub(super) fn into_text(self) -> String {
        match self {
            Literal::Text(text) | Literal::Number(text) => text,
        }
    }
}

/// A list that is not a sequence of strings and numbers with commas between them.
#[derive(Debug)]
pub(super) struct Malformed;

/// Prints a tuple, as in `('a', 1)`.
pub(super) fn repr_tuple(items: &[Literal]) -> String {
    let parts: Vec<_> = items
        .iter()
        .map(|item| match item {
            Literal::Text(text) => repr(text),
            Literal::Number(number) => number.clone(),
        })
        .collect();
    let comma = if parts.len() == 1 { "," } else { "" };
    format!("({}{comma})", parts.join(", "))
}

/// Reads a list with its parentheses; doubled parentheses and a comma at the end are allowed, and
/// strings side by side are one string.
pub(super) fn read_list(text: &str) -> Result<Vec<Literal>, Malformed> {
    let mut inner = text.trim();
    while let Some(unwrapped) = inner
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
        .map(str::trim)
    {
        inner = unwrapped;
    }
    let mut reader = Reader { rest: inner };
    let mut items = Vec::new();
    while !reader.rest.is_empty() {
        items.push(reader.item()?);
        match reader.rest.strip_prefix(',') {
            Some(rest) => reader.rest = rest.trim_start(),
            None if reader.rest.is_empty() => {}
            None => return Err(Malformed),
        }
    }
    Ok(items)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn item(&mut self) -> Result<Literal, Malformed> {
        if !self.rest.starts_with(['\'', '"']) {
            return self.number();
        }
        let mut text = String::new();
        while let Some(quote @ ('\'' | '"')) = self.rest.chars().next() {
            self.take();
            self.string(quote, &mut text)?;
            self.rest = self.rest.trim_start();
        }
        Ok(Literal::Text(text))
    }

    fn number(&mut self) -> Result<Literal, Malformed> {
        let end = self.rest.find(',').unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at_checked(end).ok_or(Malformed)?;
        let number = number.trim_end();
        let plain = number
            .chars()
            .all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
        if !plain || number.parse::<f64>().is_err() {
            return Err(Malformed);
        }
        self.rest = rest;
        Ok(Literal::Number(number.to_owned()))
    }

    /// Reads up to the closing quote, which it takes too.
    fn string(&mut self, quote: char, out: &mut String) -> Result<(), Malformed> {
        loop {
            match self.take().ok_or(Malformed)? {
                c if c == quote => return Ok(()),
                '\n' | '\r' => return Err(Malformed),
                '\\' => self.escape(out)?,
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), Malformed> {
        let c = self.take().ok_or(Malformed)?;
        match c {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(c),
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            'x' => out.push(self.hexadecimal(2)?),
            'u' => out.push(self.hexadecimal(4)?),
            'U' => out.push(self.hexadecimal(8)?),
            // Python keeps a backslash that introduces nothing.
            _ => out.extend(['\\', c]),
        }
        Ok(())
    }

    fn hexadecimal(&mut self, digits: usize) -> Result<char, Malformed> {
        let (code, rest) = self.rest.split_at_checked(digits).ok_or(Malformed)?;
        self.rest = rest;
        let code = u32::from_str_radix(code, 16).map_err(|_| Malformed)?;
        char::from_u32(code).ok_or(Malformed)
    }

    fn take(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..)?;
        Some(c)
    }
}
