//! Random numbers that are the same for a seed on every machine and in every release.
//!
//! SplitMix64: a stream per run, so that no run's content depends on the order of sending. It is no
//! generator for secrets.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// Opens the stream that a seed and a number name.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut mixed = Self(seed ^ stream.wrapping_mul(0xD1B5_4A32_D192_ED03));
        Self(mixed.next() ^ stream)
    }

    /// Gives 64 random bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Gives a number from 0 up to, but without, 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Gives a number from `low` up to, but without, `high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Gives a whole number from `low` to `high`, both included.
    pub(super) fn whole(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// Says yes with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Gives one of the items, or none of an empty list.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = (self.unit() * items.len() as f64) as usize;
        items.get(index)
    }

    /// Gives a number of the standard normal distribution (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Gives lower case hexadecimal digits.
    pub(super) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            text.push_str(&format!("{:016x}", self.next()));
        }
        text.truncate(digits);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_and_a_stream_give_the_same_numbers_for_ever() {
        let mut random = Random::new(7, 1);
        assert_eq!(random.hex(40).len(), 40);
        assert_eq!(Random::new(7, 1).next(), Random::new(7, 1).next());
        assert_ne!(Random::new(7, 1).next(), Random::new(7, 2).next());
        assert_ne!(Random::new(7, 1).next(), Random::new(8, 1).next());
    }

    #[test]
    fn numbers_stay_within_their_bounds_and_around_their_mean() {
        let mut random = Random::new(1, 0);
        let mut sum = 0.0;
        for _ in 0..10_000 {
            let x = random.between(2.0, 4.0);
            assert!((2.0..4.0).contains(&x));
            assert!((3..=5).contains(&random.whole(3, 5)));
            sum += random.normal();
        }
        assert!((sum / 10_000.0).abs() < 0.05);
        assert_eq!(random.pick::<u8>(&[]), None);
    }
}
