//! The web interface: its format, lints and types, and the sizes of its pages.
//!
//! npm's own tools judge; their complaints are on the screen.

use anyhow::Result;

use super::files::Files;
use super::{Finding, Report};
use crate::{node, shell, ui};

/// Checks the interface. Where there is no Node, that is a failure under CI and a note elsewhere.
pub(crate) fn check(_: &Files) -> Result<Report> {
    let mut report = Report::default();
    let finding = |what: String| Finding {
        path: "ui".to_owned(),
        line: None,
        what,
    };
    if let Err(reason) = node::version()
        && !shell::is_ci()
    {
        report
            .warnings
            .push(finding(format!("not checked: {reason:#}")));
        return Ok(report);
    }
    if !ui::check()? {
        let what = "npm found faults, see above; `npm run fix` in ui/ corrects the format";
        report.failures.push(finding(what.to_owned()));
    }
    Ok(report)
}
