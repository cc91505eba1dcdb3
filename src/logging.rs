//! Log lines: text with time and level for people, or one JSON object in a line for machines.
//!
//! All lines go to standard error; standard output belongs to what a command answers.

use crate::config::{Log, LogFormat};
use crate::error::{Error, Result};
use std::io::IsTerminal;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Sends the log of the whole process to standard error; it can be called once.
pub fn init(log: &Log) -> Result<()> {
    let colored = std::io::stderr().is_terminal();
    let subscriber = subscriber(log, colored, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|error| Error::internal("The log is set up already.").with_cause(error))
}

/// Makes a subscriber that writes to `writer`; colors are for the text format alone.
pub fn subscriber<W>(
    log: &Log,
    colored: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&log.level).map_err(|error| {
        Error::invalid("The value of log.level is not allowed.").with_cause(error)
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    Ok(match log.format {
        LogFormat::Text => Box::new(lines.with_ansi(colored).finish()),
        LogFormat::Json => Box::new(
            lines
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .finish(),
        ),
    })
}

/// Says whether a text is a level or a list of filter directives, as `info,trackway::db=debug`.
pub fn check_filter(text: &str) -> Result<(), String> {
    let is_level = |word: &str| {
        ["off", "error", "warn", "info", "debug", "trace"]
            .iter()
            .any(|level| level.eq_ignore_ascii_case(word.trim()))
    };
    // A lone word that is no level would be read as the name of a target, so that a misspelled
    // level would silence everything else.
    let is_directive = |part: &str| match part.rsplit_once('=') {
        Some((target, level)) => !target.trim().is_empty() && is_level(level),
        None => is_level(part),
    };
    let valid = text.split(',').all(is_directive) && EnvFilter::try_new(text).is_ok();
    match valid {
        true => Ok(()),
        false => Err(
            "off, error, warn, info, debug, trace, or directives as \"info,trackway::db=debug\" \
             are needed"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: &str) -> String {
        let level = level.into();
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = subscriber(
            &Log {
                format,
                level,
                access: false,
            },
            false,
            move || writer.clone(),
        )
        .expect("a filter");
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(run.id = "r1", "run created");
            tracing::debug!("detail");
            tracing::debug!(target: "trackway::db", "statement");
        });
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).expect("utf-8")
    }

    #[test]
    fn text_lines_carry_time_level_and_fields() {
        let text = logged(LogFormat::Text, "info");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.contains(" INFO ") && text.contains("run created run.id=\"r1\""),
            "{text}"
        );
        let (time, _) = text.split_once(' ').expect("a time");
        assert!(time.starts_with("20") && time.ends_with('Z'), "{text}");
    }

    #[test]
    fn json_lines_are_objects() {
        let text = logged(LogFormat::Json, "trace");
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect(line))
            .collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0]["message"], "run created");
        assert_eq!(lines[0]["run.id"], "r1");
        assert_eq!(lines[0]["level"], "INFO");
        assert!(lines[0]["timestamp"].is_string());
    }

    #[test]
    fn directives_choose_targets() {
        let text = logged(LogFormat::Text, "warn,trackway::db=debug");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("statement"), "{text}");
        assert_eq!(logged(LogFormat::Text, "off"), "");
    }

    #[test]
    fn misspelled_levels_are_refused() {
        for good in [
            "info",
            "DEBUG",
            "off",
            "info,hyper=warn",
            "trackway::db=trace,error",
        ] {
            assert_eq!(check_filter(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "inf",
            "info,hyper",
            "hyper=loud",
            "=info",
            "info,,",
            "a[b=info",
        ] {
            assert!(check_filter(bad).is_err(), "{bad}");
        }
    }
}
