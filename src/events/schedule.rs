//! When a delivery that failed is tried again: a pure function of what happened so far.
//!
//! The first retries come as quickly as MLflow's (1, 2, 4 s and so on, each with up to a second of
//! jitter). A receiver that is down for longer is tried on, at pauses that grow from half a minute
//! to four hours, until the delivery has been tried for as long as the policy says.

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// The longest pause of the quick retries.
const LONGEST_QUICK: i64 = MINUTE;
/// The first pause after the quick retries.
const FIRST_SLOW: i64 = 30 * SECOND;
/// The longest pause of all.
const LONGEST_SLOW: i64 = 4 * HOUR;
/// The longest that a receiver can put a delivery off by its Retry-After.
const LONGEST_ASKED: i64 = 24 * HOUR;

/// How often and for how long a delivery is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Retries with short pauses, 0 or more.
    pub quick_retries: i64,
    /// For how long slow retries follow, in milliseconds since the first attempt; 0 for none.
    pub keep_trying_ms: i64,
}

/// An attempt that failed in a way that may pass.
#[derive(Debug, Clone, Copy)]
pub struct Failure {
    /// Which attempt of the delivery it was, from 1.
    pub attempt: i64,
    /// When the first attempt was made, in milliseconds since 1970.
    pub first_at: i64,
    pub now: i64,
    /// What the receiver asked for by Retry-After, in milliseconds.
    pub retry_after_ms: Option<i64>,
    /// From 0 to 1: spreads the retries of deliveries that failed together.
    pub jitter: f64,
}

impl Policy {
    /// Gives when to try again, in milliseconds since 1970; `None` when it was tried for long
    /// enough. Never earlier than the receiver asked for, within a day.
    pub fn next(self, failure: Failure) -> Option<i64> {
        let asked = failure.retry_after_ms.unwrap_or(0).clamp(0, LONGEST_ASKED);
        let next = failure.now + self.pause(failure.attempt, failure.jitter).max(asked);
        let is_quick = failure.attempt <= self.quick_retries;
        (is_quick || next - failure.first_at <= self.keep_trying_ms).then_some(next)
    }

    fn pause(self, attempt: i64, jitter: f64) -> i64 {
        let doubled = |first: i64, times: i64, longest: i64| {
            first.saturating_mul(1 << times.clamp(0, 30)).min(longest)
        };
        if attempt <= self.quick_retries {
            return doubled(SECOND, attempt - 1, LONGEST_QUICK) + (jitter * 1e3) as i64;
        }
        let pause = doubled(FIRST_SLOW, attempt - self.quick_retries - 1, LONGEST_SLOW);
        pause + (pause as f64 * jitter / 10.0) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        quick_retries: 3,
        keep_trying_ms: 24 * HOUR,
    };

    /// Fails at once again and again, and gives the pauses in seconds.
    fn pauses(policy: Policy, jitter: f64) -> Vec<i64> {
        let (mut now, mut pauses) = (0, Vec::new());
        for attempt in 1.. {
            let retry_after_ms = None;
            let first_at = 0;
            let failure = Failure {
                attempt,
                first_at,
                now,
                retry_after_ms,
                jitter,
            };
            let Some(next) = policy.next(failure) else {
                return pauses;
            };
            pauses.push((next - now) / SECOND);
            now = next;
        }
        pauses
    }

    #[test]
    fn pauses_grow_for_a_day() {
        assert_eq!(
            pauses(POLICY, 0.0),
            [
                1, 2, 4, 30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 14400, 14400, 14400, 14400
            ]
        );
        assert_eq!(pauses(POLICY, 1.0)[..5], [2, 3, 5, 33, 66]);
    }

    #[test]
    fn quick_retries_alone_are_mlflows() {
        let quick_retries = 8;
        let policy = Policy {
            quick_retries,
            keep_trying_ms: 0,
        };
        assert_eq!(pauses(policy, 0.0), [1, 2, 4, 8, 16, 32, 60, 60]);
        let none = Policy {
            quick_retries: 0,
            keep_trying_ms: 0,
        };
        assert_eq!(pauses(none, 0.0), [0; 0]);
    }

    #[test]
    fn a_receiver_can_ask_for_a_longer_pause() {
        let asked = |retry_after_ms| {
            let (attempt, first_at, now, jitter) = (1, 0, 0, 0.0);
            POLICY.next(Failure {
                attempt,
                first_at,
                now,
                retry_after_ms,
                jitter,
            })
        };
        assert_eq!(asked(Some(90_000)), Some(90_000));
        assert_eq!(asked(Some(5)), Some(1_000));
        assert_eq!(asked(Some(-5)), Some(1_000));
        assert_eq!(asked(Some(i64::MAX)), Some(24 * HOUR));
    }
}
