//! The parts of an artifact location, split and put together as MLflow's clients do it.
//!
//! Locations are stored as text and compared by clients as text, so a location that is taken apart
//! and put together must come out as MLflow would write it. It never decides what is allowed.

/// Schemes after which an absolute path is written with an empty host, `file:///a`.
const WRITES_EMPTY_HOST: &[&str] = &["file", "ftp", "http", "https", "nfs", "rsync", "sftp"];
/// Schemes whose last path segment may carry `;parameters`; none is a plain path.
const HAS_PARAMETERS: &[&str] = &["", "ftp", "http", "https", "sftp"];

/// A location in its parts, each without its separator and empty when it is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uri<'a> {
    /// In lower case; empty for a plain path.
    pub(crate) scheme: String,
    pub(crate) authority: &'a str,
    pub(crate) path: &'a str,
    pub(crate) parameters: &'a str,
    pub(crate) query: &'a str,
    pub(crate) fragment: &'a str,
}

impl<'a> Uri<'a> {
    /// Splits any text; what does not look like a URI is a path.
    pub(crate) fn split(raw: &'a str) -> Self {
        let (scheme, rest) = split_scheme(raw);
        let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        let (path, parameters) = match HAS_PARAMETERS.contains(&&*scheme) {
            true => split_parameters(path),
            false => (path, ""),
        };
        Self {
            scheme,
            authority,
            path,
            parameters,
            query,
            fragment,
        }
    }

    /// Writes the location with another path in place of its own.
    pub(crate) fn with_path(&self, path: &str) -> String {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text.push_str(&self.scheme);
            text.push(':');
        }
        let is_absolute = path.starts_with('/');
        let empty_host = is_absolute && WRITES_EMPTY_HOST.contains(&&*self.scheme);
        if !self.authority.is_empty() || empty_host {
            text.push_str("//");
            text.push_str(self.authority);
            if !is_absolute {
                text.push('/');
            }
        }
        text.push_str(path);
        for (mark, part) in [
            (';', self.parameters),
            ('?', self.query),
            ('#', self.fragment),
        ] {
            if !part.is_empty() {
                text.push(mark);
                text.push_str(part);
            }
        }
        text
    }

    /// Gives the host in lower case, without user, port and brackets; empty when there is none.
    pub(crate) fn host(&self) -> String {
        self.host_and_port().0.to_lowercase()
    }

    /// Gives the port; `Err` when what stands in its place is none.
    pub(crate) fn port(&self) -> Result<Option<u16>, ()> {
        match self.host_and_port().1 {
            "" => Ok(None),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map(Some).map_err(|_| ())
            }
            _ => Err(()),
        }
    }

    fn host_and_port(&self) -> (&'a str, &'a str) {
        let target = self
            .authority
            .rsplit_once('@')
            .map_or(self.authority, |(_, target)| target);
        match target
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or(rest)),
            None => target.split_once(':').unwrap_or((target, "")),
        }
    }
}

/// Joins two POSIX paths with one slash, also when the second is absolute.
pub(super) fn join_paths(base: &str, below: &str) -> String {
    if base.is_empty() {
        return below.to_owned();
    }
    let below = below.trim_start_matches('/');
    let slash = if base.ends_with('/') { "" } else { "/" };
    format!("{base}{slash}{below}")
}

fn split_scheme(raw: &str) -> (String, &str) {
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    match raw.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        _ => (String::new(), raw),
    }
}

fn split_parameters(path: &str) -> (&str, &str) {
    let segment_start = path.rfind('/').unwrap_or(0);
    let (before, segment) = path.split_at(segment_start);
    match segment.split_once(';') {
        Some((name, parameters)) => (path.split_at(before.len() + name.len()).0, parameters),
        None => (path, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_split_into_their_parts() {
        let uri = Uri::split("HTTP://u:p@Host:81/a;x/b;p?q=1#f");
        assert_eq!((&*uri.scheme, uri.authority), ("http", "u:p@Host:81"));
        assert_eq!((uri.path, uri.parameters), ("/a;x/b", "p"));
        assert_eq!((uri.query, uri.fragment), ("q=1", "f"));
        assert_eq!((uri.host(), uri.port()), ("host".to_owned(), Ok(Some(81))));
    }

    #[test]
    fn hosts_and_ports_are_found_behind_users_and_brackets() {
        for (raw, host, port) in [
            ("ftp:///a", "", Ok(None)),
            ("ftp://[::1]:21/a", "::1", Ok(Some(21))),
            ("abfss://fs@acc.example/a", "acc.example", Ok(None)),
            ("http://h:/a", "h", Ok(None)),
            ("http://h:99999/a", "h", Err(())),
            ("http://h:x/a", "h", Err(())),
        ] {
            let uri = Uri::split(raw);
            assert_eq!((&*uri.host(), uri.port()), (host, port), "{raw}");
        }
    }

    #[test]
    fn plain_paths_have_no_scheme() {
        for raw in ["/a:b", "a/b:c", "./x", "1a:b", ""] {
            assert_eq!((&*Uri::split(raw).scheme, Uri::split(raw).path), ("", raw));
        }
    }
}
