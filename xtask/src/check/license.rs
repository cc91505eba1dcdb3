//! Evaluating a license expression (SPDX 2.3, annex D) against a list of accepted licenses.
//!
//! It never looks at license texts: it believes what a package says of itself.

use anyhow::{Result, bail};

/// Says whether the expression can be met with accepted licenses alone. `WITH` belongs to the
/// license before it: `Apache-2.0 WITH LLVM-exception` must be accepted as a whole. A slash, which
/// old packages write, means `OR`.
///
/// Fails if it is no expression.
pub(crate) fn is_met(expression: &str, is_accepted: &dyn Fn(&str) -> bool) -> Result<bool> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let mut words = Words {
        rest: spaced.split_whitespace().collect(),
        is_accepted,
    };
    words.rest.reverse();
    let met = words.any()?;
    match words.rest.pop() {
        None => Ok(met),
        Some(word) => bail!("`{word}` does not belong in the license expression `{expression}`"),
    }
}

/// The words still to be read, the next one last.
struct Words<'a> {
    rest: Vec<&'a str>,
    is_accepted: &'a dyn Fn(&str) -> bool,
}

impl Words<'_> {
    fn any(&mut self) -> Result<bool> {
        let mut met = self.all()?;
        while self.take("OR") {
            // Both sides are always read: the words have to be consumed.
            met |= self.all()?;
        }
        Ok(met)
    }

    fn all(&mut self) -> Result<bool> {
        let mut met = self.one()?;
        while self.take("AND") {
            met &= self.one()?;
        }
        Ok(met)
    }

    fn one(&mut self) -> Result<bool> {
        let Some(word) = self.rest.pop() else {
            bail!("a license is missing at the end")
        };
        if word == "(" {
            let met = self.any()?;
            return if self.take(")") {
                Ok(met)
            } else {
                bail!("a parenthesis is not closed")
            };
        }
        if matches!(word, ")" | "AND" | "OR" | "WITH") {
            bail!("a license is missing before `{word}`");
        }
        if !self.take("WITH") {
            return Ok((self.is_accepted)(word));
        }
        let Some(exception) = self.rest.pop() else {
            bail!("an exception is missing")
        };
        Ok((self.is_accepted)(&format!("{word} WITH {exception}")))
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.rest.last() == Some(&word);
        if is_next {
            self.rest.pop();
        }
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str, expected: Option<bool>) {
        let accepted = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
        let met = is_met(expression, &|license| accepted.contains(&license));
        assert_eq!(met.ok(), expected, "{expression}");
    }

    #[test]
    fn or_needs_one_side_and_and_needs_both() {
        check("MIT", Some(true));
        check("GPL-3.0", Some(false));
        check("GPL-3.0 OR MIT", Some(true));
        check("MIT AND GPL-3.0", Some(false));
        check("MIT AND ISC", Some(true));
        check("GPL-3.0/MIT", Some(true));
    }

    #[test]
    fn and_binds_closer_than_or() {
        check("MIT OR ISC AND GPL-3.0", Some(true));
        check("(MIT OR ISC) AND GPL-3.0", Some(false));
        check("GPL-3.0 AND (MIT OR ISC) OR ISC", Some(true));
    }

    #[test]
    fn exception_is_part_of_its_license() {
        check("Apache-2.0 WITH LLVM-exception", Some(true));
        check("Apache-2.0", Some(false));
        check("MIT WITH LLVM-exception", Some(false));
        check("Apache-2.0 WITH LLVM-exception OR GPL-3.0", Some(true));
    }

    #[test]
    fn broken_expressions_are_errors() {
        for broken in [
            "", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH", "()",
        ] {
            check(broken, None);
        }
    }
}
