//! The name of an artifact, relative to the root that holds it.
//!
//! It is parsed once, where the request comes in, and is safe to join to a trusted root from then
//! on. It never touches the disk: symbolic links are the business of `local`.

use std::borrow::Cow;
use std::fmt::Write;

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};

/// How often an escaped path is decoded before it is refused; MLflow gives up at the same count.
const MAX_DECODINGS: usize = 10;

/// A path below an artifact root; the root itself is the empty path.
///
/// Invariant: the segments are joined by single slashes, none is empty, `.` or `..`, and none holds
/// a control character, `#`, or an escape sequence that could still be decoded into text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ArtifactPath {
    joined: String,
}

impl ArtifactPath {
    /// Reads a path as a client sends it, percent-encoded or not; the empty path is the root.
    ///
    /// Escapes are decoded until none is left, as MLflow's server and client both do, so that every
    /// spelling of a name is the same artifact; those of control characters stay escaped. Fails
    /// with 400 `Invalid path` on whatever could lead out of the root, and on `#`.
    pub fn parse(raw: &str) -> Result<Self> {
        let escaped = escape_controls(raw);
        let decoded = decode(&escaped)?;
        if is_unsafe(&decoded) {
            return Err(invalid_path());
        }
        let segments = decoded
            .split('/')
            .filter(|segment| !matches!(*segment, "" | "."));
        let joined = segments.collect::<Vec<_>>().join("/");
        Ok(Self { joined })
    }

    /// Reads the path of a file to be stored, which must name one: not empty, no slash at the end.
    pub fn parse_file(raw: &str) -> Result<Self> {
        let path = Self::parse(raw)?;
        if path.is_root() || decode(&escape_controls(raw))?.ends_with('/') {
            return Err(Error::invalid(
                "Artifact path must include a filename (cannot end with '/').",
            ));
        }
        Ok(path)
    }

    /// Gives the root itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Tells whether this is the root.
    pub fn is_root(&self) -> bool {
        self.joined.is_empty()
    }

    /// Gives the path with slashes between its segments; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.joined
    }

    /// Gives the segments from the root down; none for the root.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.joined.split('/').filter(|segment| !segment.is_empty())
    }

    /// Gives the last segment; empty for the root.
    pub fn name(&self) -> &str {
        self.joined.rsplit('/').next().unwrap_or_default()
    }

    /// Gives the folder that holds this path; the root for the root.
    pub fn parent(&self) -> Self {
        let parent = self
            .joined
            .rsplit_once('/')
            .map_or("", |(parent, _)| parent);
        Self {
            joined: parent.to_owned(),
        }
    }

    /// Gives `below` seen from the folder `self`.
    pub fn join(&self, below: &Self) -> Self {
        match (self.is_root(), below.is_root()) {
            (true, _) => below.clone(),
            (_, true) => self.clone(),
            _ => Self {
                joined: format!("{}/{}", self.joined, below.joined),
            },
        }
    }
}

impl std::fmt::Display for ArtifactPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.joined)
    }
}

/// Tells whether `name`, as found in a store, is what a client that asks for it would reach.
///
/// A file put there by other means may have a name that decodes to another one, or that is refused.
pub(super) fn is_addressable(name: &str) -> bool {
    ArtifactPath::parse(name).is_ok_and(|path| path.as_str() == name)
}

/// Escapes control characters again, which a query string may have decoded: a name holds none, but
/// may hold their escapes.
fn escape_controls(raw: &str) -> Cow<'_, str> {
    if !raw.contains(char::is_control) {
        return Cow::Borrowed(raw);
    }
    let mut escaped = String::with_capacity(raw.len() + 8);
    for c in raw.chars() {
        if !c.is_control() {
            escaped.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02x}");
        }
    }
    Cow::Owned(escaped)
}

/// Decodes until nothing changes, or until the result would be no text: then the percent signs are
/// part of the name, as in the images of old clients (`frame%step%0%timestamp%1795..`). 400 for
/// endless nesting.
fn decode(raw: &str) -> Result<Cow<'_, str>> {
    let mut path = Cow::Borrowed(raw);
    for _ in 0..MAX_DECODINGS {
        match percent_decode_str(&path).decode_utf8() {
            Ok(next) if next == path => return Ok(path),
            Ok(next) if !next.contains(char::is_control) => path = Cow::Owned(next.into_owned()),
            _ if hides_unsafe(&path) => return Err(invalid_path()),
            _ => return Ok(path),
        }
    }
    Err(invalid_path())
}

/// Tells whether a name that is kept with its escapes would lead out if they were decoded after all.
fn hides_unsafe(path: &str) -> bool {
    let mut text = path.to_owned();
    for _ in 0..MAX_DECODINGS {
        let next = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if leads_out(&next) {
            return true;
        }
        if next == text {
            return false;
        }
        text = next;
    }
    true
}

fn is_unsafe(path: &str) -> bool {
    path.contains(|c: char| c == '#' || c.is_control()) || leads_out(path)
}

/// Refuses what leads up or out. Every segment is judged as if it came first, so that a name is as
/// safe in a listing of its folder as in its whole path.
fn leads_out(path: &str) -> bool {
    path.starts_with('/') || path.split('/').any(is_unsafe_segment)
}

fn is_unsafe_segment(segment: &str) -> bool {
    // A backslash separates on some systems, so a step up must not hide behind one.
    segment.starts_with('\\')
        || segment.split('\\').any(|part| part == "..")
        || starts_with_drive(segment)
        || (cfg!(windows) && segment.contains(['\\', ':']))
        || segment
            .get(..5)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"))
}

/// Recognizes `C:` and `C:\dir`; a name such as `a:b` is an ordinary one.
fn starts_with_drive(segment: &str) -> bool {
    matches!(segment.as_bytes(), [letter, b':'] | [letter, b':', b'\\', ..]
        if letter.is_ascii_alphabetic())
}

fn invalid_path() -> Error {
    Error::invalid("Invalid path")
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    fn check(raw: &str, expected: Option<&str>) {
        match (ArtifactPath::parse(raw), expected) {
            (Ok(path), Some(expected)) => assert_eq!(path.as_str(), expected, "{raw:?}"),
            (Err(error), None) => {
                assert_eq!(
                    (error.code.status(), &*error.message),
                    (400, "Invalid path"),
                    "{raw:?}"
                );
            }
            (outcome, _) => panic!("{raw:?} gives {outcome:?}"),
        }
    }

    #[test]
    fn ordinary_names_are_kept_as_they_are() {
        for name in [
            "a",
            "a/b.txt",
            "ä b/ж/日本.txt",
            "100%.txt",
            "50%zz",
            "*?[]~{}|<>'\"",
            "a;b",
            "a&b=c+d",
            ".hidden",
            "...",
            "a..b",
            "a\\b",
            "a:b",
            "trailing ",
            "x%",
            "😀",
        ] {
            check(name, Some(name));
        }
    }

    #[test]
    fn every_spelling_of_a_name_is_the_same_path() {
        for raw in [
            "a b/c",
            "a%20b/c",
            "a%2520b/c",
            "a b//c/",
            "./a b/./c",
            "a%20b%2Fc",
        ] {
            check(raw, Some("a b/c"));
        }
        check("", Some(""));
        check(".", Some(""));
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for raw in [
            "..",
            "../a",
            "a/..",
            "a/../b",
            "%2e%2e/a",
            "%252e%252e%252fa",
            "a/%2E./b",
            "/a",
            "%2fa",
            "%252Fetc",
            "//a",
            "\\a",
            "\\\\host\\share",
            "%5ca",
            "a\\..\\b",
            "..\\a",
            "a%5c..",
            "C:\\a",
            "c:/a",
            "./C:/a",
            "a/C:",
            "C:",
            "a/\\b",
            "a/file:b",
            "file:///etc",
            "FILE:a",
            "file:a",
            "./file:a",
        ] {
            check(raw, None);
        }
    }

    #[test]
    fn names_that_no_client_could_read_back_are_refused() {
        for raw in ["a#b", "a%23b", "#"] {
            check(raw, None);
        }
        let nested = format!("a%{}20b", "25".repeat(12));
        check(&nested, None);
    }

    #[test]
    fn percent_signs_that_are_no_text_are_part_of_the_name() {
        check("%ff", Some("%ff"));
        check("a/%c3%28", Some("a/%c3%28"));
        check("frame%25step%250%25C2c9.png", Some("frame%step%0%C2c9.png"));
        check(
            "frame%25step%2510%25timestamp%251795246525647%25E70cd3ce.png",
            Some("frame%step%10%timestamp%1795246525647%E70cd3ce.png"),
        );
        check("a%0ab", Some("a%0ab"));
        check("a\nb", Some("a%0ab"));
        check(
            "frame%step%0%timestamp\u{17}95\u{3}47.png",
            Some("frame%step%0%timestamp%1795%0347.png"),
        );
        check("..%2f%17", None);
        check("..%2f%ff", None);
        check("%252e%252e%252f%ff", None);
        check("%23%ff", Some("%23%ff"));
        check("a%00b", Some("a%00b"));
        check("a\0b", Some("a%00b"));
    }

    #[test]
    fn a_file_to_store_needs_a_name() {
        for raw in ["", "a/", "a/b/", "a%2f", "."] {
            let error = ArtifactPath::parse_file(raw).unwrap_err();
            assert!(
                error
                    .message
                    .starts_with("Artifact path must include a filename"),
                "{raw:?}"
            );
        }
        assert_eq!(ArtifactPath::parse_file("a/b").unwrap().as_str(), "a/b");
    }

    #[test]
    fn parts_of_a_path_join_to_the_whole() {
        let path = ArtifactPath::parse("a/b/c").unwrap();
        assert_eq!((path.name(), path.parent().as_str()), ("c", "a/b"));
        let name = ArtifactPath::parse("c").unwrap();
        assert_eq!(path.parent().join(&name), path);
        assert_eq!(ArtifactPath::root().join(&path), path);
        assert_eq!(path.join(&ArtifactPath::root()), path);
        assert_eq!(ArtifactPath::root().segments().count(), 0);
        assert!(ArtifactPath::root().parent().is_root());
    }

    proptest! {
        #[test]
        fn no_accepted_path_escapes_the_root(
            raw in r"([./\\%:a#]|%2e|%2E|%2f|%5c|%25|%00|C:|file:|\.\.|\PC){0,24}"
        ) {
            if let Ok(path) = ArtifactPath::parse(&raw) {
                let plain = Path::new(path.as_str())
                    .components()
                    .all(|component| matches!(component, Component::Normal(_)));
                prop_assert!(plain, "{:?}", path);
                prop_assert!(!path.as_str().split('\\').any(|part| part == ".."));
            }
        }

        #[test]
        fn an_accepted_path_is_read_back_as_itself(raw in r"([./%:a2]|%20|%25|\PC){0,24}") {
            if let Ok(path) = ArtifactPath::parse(&raw) {
                prop_assert_eq!(&ArtifactPath::parse(path.as_str()).unwrap(), &path);
                let sent = percent_encoding::utf8_percent_encode(
                    path.as_str(),
                    percent_encoding::NON_ALPHANUMERIC,
                ).to_string();
                prop_assert_eq!(&ArtifactPath::parse(&sent).unwrap(), &path);
            }
        }
    }
}
