//! Chances that can be had again: a generator that a seed decides.

/// SplitMix64. Small, and good enough to choose faults by.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(crate) fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One from 0 to `bound` − 1.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.any() % bound
    }

    /// The same for places in lists.
    pub(crate) fn at(&mut self, count: usize) -> usize {
        self.below(count as u64) as usize
    }

    /// One of these.
    pub(crate) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.at(all.len())]
    }

    /// A span between these, in milliseconds.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> std::time::Duration {
        std::time::Duration::from_millis(least + self.below(most - least + 1))
    }

    /// Puts them into an order of chance.
    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.at(last + 1));
        }
    }

    /// Dice of their own, which do not depend on how these are used from now on.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.any())
    }
}

#[test]
fn one_seed_is_one_sequence_and_another_is_another() {
    let drawn = |seed| {
        let mut dice = Dice::new(seed);
        (0..9).map(|_| dice.any()).collect::<Vec<_>>()
    };
    assert_eq!(drawn(7), drawn(7));
    assert_ne!(drawn(7), drawn(8));
    let mut order: Vec<usize> = (0..50).collect();
    Dice::new(7).shuffle(&mut order);
    assert!(!order.is_sorted());
    order.sort();
    assert_eq!(order, (0..50).collect::<Vec<_>>());
}
