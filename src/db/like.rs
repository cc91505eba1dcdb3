//! The pattern matcher of `LIKE` and `ILIKE`, as the databases are made to do it.
//!
//! `%` stands for any run of characters, also none, and `_` for exactly one character (a Unicode
//! scalar value, as in SQLite and PostgreSQL). Nothing escapes them. `LIKE` compares characters as
//! they are. `ILIKE` folds A to Z only: that is what MLflow's default database does, and the one
//! folding that SQLite and PostgreSQL share whatever their locale, so `É` is not `é`.

/// Tells whether the text matches the pattern; takes time in the product of their lengths.
pub fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut at, mut wanted) = (0, 0);
    // Where to go on after a mismatch: behind the last `%`, one character later than last time.
    let mut retry = None;
    while let Some(&found) = text.get(at) {
        match pattern.get(wanted) {
            Some('%') => {
                wanted += 1;
                retry = Some((at, wanted));
            }
            Some(&c) if c == '_' || c == found => {
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
    pattern.iter().skip(wanted).all(|&c| c == '%')
}

/// As `like`, with the letters A to Z equal to a to z.
pub fn ilike(text: &str, pattern: &str) -> bool {
    like(&text.to_ascii_lowercase(), &pattern.to_ascii_lowercase())
}
