//! Readable names for runs and models that were given none.

const ADJECTIVES: [&str; 48] = [
    "able", "agile", "amber", "ample", "bold", "brave", "brisk", "calm", "clever", "crisp",
    "daring", "deft", "eager", "early", "fair", "fleet", "fond", "frank", "gentle", "glad",
    "grand", "handy", "happy", "honest", "humble", "jolly", "keen", "kind", "lively", "loyal",
    "lucid", "mellow", "merry", "mild", "neat", "noble", "patient", "polite", "proud", "quick",
    "quiet", "rapid", "serene", "sharp", "sturdy", "sunny", "tidy", "witty",
];

const ANIMALS: [&str; 48] = [
    "badger", "bat", "bear", "beaver", "bison", "bream", "carp", "cod", "colt", "crane", "crow",
    "deer", "dove", "duck", "eagle", "elk", "falcon", "finch", "fox", "frog", "gnu", "goose",
    "grouse", "gull", "hare", "hawk", "heron", "ibex", "jay", "kite", "koala", "lark", "lynx",
    "mole", "moose", "newt", "otter", "owl", "panda", "quail", "rook", "seal", "shrew", "snipe",
    "stork", "swan", "trout", "wren",
];

/// Makes `adjective-animal-NNN` of a random number; the last part is 0 to 999.
pub fn from_number(number: u128) -> String {
    // The remainders are smaller than the arrays, so that the indices are always inside.
    let adjective = ADJECTIVES[(number % 48) as usize];
    let animal = ANIMALS[(number / 48 % 48) as usize];
    format!("{adjective}-{animal}-{}", number / (48 * 48) % 1000)
}

#[cfg(test)]
mod tests {
    use super::from_number;

    #[test]
    fn numbers_become_names() {
        assert_eq!(from_number(0), "able-badger-0");
        assert_eq!(from_number(u128::MAX).split('-').count(), 3);
    }
}
