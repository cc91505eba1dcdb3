//! The types that a key can have, and how a value of each is read.
//!
//! It never knows where a value came from: `layers` adds the key and the source to a refusal.

use toml::Value;

/// The type of a key and the values it allows.
#[derive(Debug)]
pub enum Kind {
    Bool,
    /// A whole number from the first to the second, both included.
    Int(i64, i64),
    /// A number from 0 to 1.
    Ratio,
    /// One of the texts, in any case; the spelling given here is the one kept.
    Choice(&'static [&'static str]),
    /// Texts; in a variable or a flag they are separated by commas.
    List,
    /// Texts, each of which the function accepts; otherwise it says what is allowed.
    ListOf(fn(&str) -> Result<(), String>),
    /// A text that the function accepts; otherwise it says what is allowed.
    Text(fn(&str) -> Result<(), String>),
}

impl Kind {
    /// Checks a value of a file; the error says what is allowed.
    pub fn check(&self, value: &Value) -> Result<Value, String> {
        match (self, value) {
            (Kind::Bool, Value::Boolean(_)) => Ok(value.clone()),
            (Kind::Int(least, most), Value::Integer(number))
                if (least..=most).contains(&number) =>
            {
                Ok(value.clone())
            }
            (Kind::Ratio, Value::Float(number)) if (0.0..=1.0).contains(number) => {
                Ok(value.clone())
            }
            (Kind::Ratio, Value::Integer(0)) => Ok(Value::Float(0.0)),
            (Kind::Ratio, Value::Integer(1)) => Ok(Value::Float(1.0)),
            (Kind::Choice(choices), Value::String(text)) => choices
                .iter()
                .find(|choice| choice.eq_ignore_ascii_case(text))
                .map(|choice| Value::from(*choice))
                .ok_or_else(|| self.allowed()),
            (Kind::List, Value::Array(items)) if items.iter().all(Value::is_str) => {
                Ok(value.clone())
            }
            (Kind::ListOf(check), Value::Array(items)) => {
                for item in items {
                    check(item.as_str().ok_or_else(|| self.allowed())?)?;
                }
                Ok(value.clone())
            }
            (Kind::Text(check), Value::String(text)) => check(text).map(|()| value.clone()),
            _ => Err(self.allowed()),
        }
    }

    /// Reads a value of a variable or a flag; the error says what is allowed.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let value = match self {
            Kind::Bool => Value::Boolean(parse_bool(text).ok_or_else(|| self.allowed())?),
            Kind::Int(..) => {
                let number = text.trim().parse::<i64>();
                Value::Integer(number.map_err(|_| self.allowed())?)
            }
            Kind::Ratio => {
                let number = text.trim().parse::<f64>();
                Value::Float(number.map_err(|_| self.allowed())?)
            }
            Kind::Choice(_) => Value::from(text.trim()),
            Kind::List | Kind::ListOf(_) => {
                let items = text.split(',').map(str::trim);
                Value::Array(
                    items
                        .filter(|item| !item.is_empty())
                        .map(Value::from)
                        .collect(),
                )
            }
            Kind::Text(_) => Value::from(text),
        };
        self.check(&value)
    }

    fn allowed(&self) -> String {
        match self {
            Kind::Bool => "true or false is needed".into(),
            Kind::Int(least, most) => format!("a whole number from {least} to {most} is needed"),
            Kind::Ratio => "a number from 0 to 1 is needed".into(),
            Kind::Choice(choices) => format!("one of {} is needed", choices.join(", ")),
            Kind::List | Kind::ListOf(_) => "a list of texts is needed".into(),
            Kind::Text(_) => "a text is needed".into(),
        }
    }
}

/// Reads the spellings of a truth value that MLflow's variables and flags take.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "y" | "on" | "t" => Some(true),
        "false" | "0" | "no" | "n" | "off" | "f" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &Kind, text: &str, expected: Result<&str, &str>) {
        let found = kind.parse(text).map(|value| value.to_string());
        assert_eq!(
            found.as_deref().map_err(String::as_str),
            expected,
            "{text:?} as {kind:?}"
        );
    }

    #[test]
    fn texts_are_read_by_kind() {
        for (text, value) in [
            ("TRUE", "true"),
            ("1", "true"),
            ("off", "false"),
            ("0", "false"),
        ] {
            check(&Kind::Bool, text, Ok(value));
        }
        check(&Kind::Bool, "maybe", Err("true or false is needed"));
        check(&Kind::Bool, "", Err("true or false is needed"));
        let port = Kind::Int(0, 65_535);
        check(&port, " 80 ", Ok("80"));
        for text in ["65536", "-1", "5.0", "", "5000x", "99999999999999999999"] {
            check(&port, text, Err("a whole number from 0 to 65535 is needed"));
        }
        for (text, value) in [("0", "0.0"), (" 0.25 ", "0.25"), ("1", "1.0")] {
            check(&Kind::Ratio, text, Ok(value));
        }
        for text in ["1.1", "-0.1", "NaN", "inf", "", "half", "10%"] {
            check(&Kind::Ratio, text, Err("a number from 0 to 1 is needed"));
        }
        let choice = Kind::Choice(&["SAMEORIGIN", "DENY"]);
        check(&choice, "deny", Ok("\"DENY\""));
        check(&choice, "x", Err("one of SAMEORIGIN, DENY is needed"));
        check(&Kind::List, " a, b ,,c", Ok(r#"["a", "b", "c"]"#));
        check(&Kind::List, "", Ok("[]"));
    }

    #[test]
    fn values_of_a_file_keep_their_type() {
        assert!(Kind::Bool.check(&Value::from("true")).is_err());
        assert!(Kind::Int(0, 9).check(&Value::from("5")).is_err());
        assert!(Kind::Int(0, 9).check(&Value::from(5.0)).is_err());
        assert!(Kind::Ratio.check(&Value::from("0.5")).is_err());
        assert!(Kind::Ratio.check(&Value::from(2)).is_err());
        assert_eq!(Kind::Ratio.check(&Value::from(1)), Ok(Value::from(1.0)));
        assert!(Kind::List.check(&Value::from("a,b")).is_err());
        assert!(Kind::List.check(&Value::from(vec![1])).is_err());
        assert!(Kind::Text(|_| Ok(())).check(&Value::from(1)).is_err());
        assert_eq!(Kind::Int(0, 9).check(&Value::from(9)), Ok(Value::from(9)));
    }
}
