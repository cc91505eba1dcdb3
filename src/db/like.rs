//! The pattern matcher of `LIKE` and `ILIKE`, as the databases are made to do it.
//!
//! `%` stands for any run of characters, also none, and `_` for exactly one character (a Unicode
//! scalar value, as in SQLite and PostgreSQL). Nothing escapes them. `LIKE` compares characters as
//! they are. `ILIKE` folds A to Z only: that is what MLflow's default database does, and the one
//! folding that SQLite and PostgreSQL share whatever their locale, so `É` is not `é`.

/// Tells whether the text matches the pattern; takes time in the product of their lengths.
pub fn like(text: &str, pattern: &str) -> bool {
    // Bytes may stand for characters where none of many bytes can be asked for by `_`; a literal
    // part is then found where a character begins, as UTF-8 is built.
    if text.is_ascii() || !pattern.contains('_') {
        let wildcards = (b'%', b'_');
        return matches(text.as_bytes(), pattern.as_bytes(), wildcards);
    }
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    matches(&text, &pattern, ('%', '_'))
}

fn matches<T: Copy + PartialEq>(text: &[T], pattern: &[T], (any, one): (T, T)) -> bool {
    let (mut at, mut wanted) = (0, 0);
    // Where to go on after a mismatch: behind the last `%`, one character later than last time.
    let mut retry = None;
    while let Some(&found) = text.get(at) {
        match pattern.get(wanted) {
            Some(&c) if c == any => {
                wanted += 1;
                retry = Some((at, wanted));
            }
            Some(&c) if c == one || c == found => {
                at += 1;
                wanted += 1;
            }
            _ => {
                let Some((from, behind)) = retry else {
                    return false;
                };
                at = from + 1;
                wanted = behind;
                retry = Some((at, behind));
            }
        }
    }
    pattern.iter().skip(wanted).all(|&c| c == any)
}

/// As `like`, with the letters A to Z equal to a to z.
pub fn ilike(text: &str, pattern: &str) -> bool {
    like(&text.to_ascii_lowercase(), &pattern.to_ascii_lowercase())
}
