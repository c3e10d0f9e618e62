//! How many names that do not exist may be looked up for strangers.

/// A token bucket: each look-up for a stranger takes one, and a name that exists gives it back.
#[derive(Debug)]
pub(super) struct Budget {
    left: u64,
    filled_at: u64,
}

impl Budget {
    /// How many look-ups there are at once.
    pub(super) const BURST: u64 = 100;

    /// How many are added each second.
    pub(super) const PER_SECOND: u64 = 10;

    pub(super) fn full(now: u64) -> Self {
        Self {
            left: Self::BURST,
            filled_at: now,
        }
    }

    /// Takes one, if one is left.
    pub(super) fn take(&mut self, now: u64) -> bool {
        let added = now.saturating_sub(self.filled_at) * Self::PER_SECOND;
        self.left = (self.left + added).min(Self::BURST);
        // If the clock went back, time counts from there.
        self.filled_at = now;
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Puts one back.
    pub(super) fn give_back(&mut self) {
        self.left = (self.left + 1).min(Self::BURST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_ups_come_back_with_time_and_with_names_that_exist() {
        let mut budget = Budget::full(1_000);
        let mut taken = |now| (0..1_000).take_while(|_| budget.take(now)).count() as u64;
        assert_eq!(taken(1_000), Budget::BURST);
        assert_eq!(taken(1_000), 0);
        assert_eq!(taken(1_002), 2 * Budget::PER_SECOND);
        assert_eq!(taken(9_000), Budget::BURST);
        assert_eq!(taken(8_000), 0, "a clock that went back");
        assert_eq!(taken(8_001), Budget::PER_SECOND);
        budget.give_back();
        assert!(budget.take(8_001));
        assert!(!budget.take(8_001));
        for _ in 0..1_000 {
            budget.give_back();
        }
        assert_eq!(budget.left, Budget::BURST);
    }
}
