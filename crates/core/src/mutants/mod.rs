//! Bugs of other projects, put into this code on purpose, to see that the tests find them.
//!
//! Each [`Mutant`] is a fault that a public system of this field really had, seeded at the place
//! where it would live here, behind [`on`]. Without the feature `mutants` that is a constant `false`
//! and nothing of it is left in the program. With the feature one mutant is active in the whole
//! process: the one that the environment variable [`VARIABLE`] names. Reading it is the only thing in
//! this crate that looks outside, and only under that feature.
//!
//! `cargo xtask mutants` runs, for each, the tests that must fail; `docs/bugs.md` tells the stories.

mod table;

pub use table::Mutant;

/// The environment variable that names the active mutant.
pub const VARIABLE: &str = "ANTEROOM_MUTANT";

/// Whether this mutant is active; without the feature `mutants` never.
#[cfg(not(feature = "mutants"))]
#[must_use]
#[inline(always)]
pub const fn on(_: Mutant) -> bool {
    false
}

/// Whether this mutant is active. The variable is read once.
///
/// # Panics
/// When it names no mutant: a misspelt one must not look like one that survives.
#[cfg(feature = "mutants")]
#[must_use]
pub fn on(mutant: Mutant) -> bool {
    static ACTIVE: std::sync::OnceLock<Option<Mutant>> = std::sync::OnceLock::new();
    *ACTIVE.get_or_init(|| {
        let name = std::env::var(VARIABLE).ok().filter(|name| !name.is_empty())?;
        let named = Mutant::named(&name);
        assert!(named.is_some(), "{VARIABLE}={name} is no mutant; there are {:?}", Mutant::ALL);
        named
    }) == Some(mutant)
}

impl Mutant {
    /// The mutant of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
    }

    /// The number of the public bug in `docs/bugs.md`, such as `B13`: the name begins with it.
    #[must_use]
    pub fn shape(self) -> &'static str {
        self.name().get(..3).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_is_found_by_its_name_and_has_a_number_and_a_killer() {
        for mutant in Mutant::ALL {
            assert_eq!(Mutant::named(mutant.name()), Some(*mutant));
            let digits = mutant.shape().strip_prefix('B').and_then(|it| it.parse::<u32>().ok());
            assert!(digits.is_some_and(|it| (1..=32).contains(&it)), "{mutant:?}");
            assert!(!mutant.killers().is_empty(), "{mutant:?}");
            assert!(mutant.killers().iter().all(|name| name.contains('/')), "{mutant:?}");
        }
        assert_eq!(Mutant::named("B00NoSuchThing"), None);
    }

    #[test]
    #[cfg(not(feature = "mutants"))]
    fn without_the_feature_no_mutant_is_ever_on() {
        const NEVER: bool = on(Mutant::ALL[0]);
        assert!(!NEVER && Mutant::ALL.iter().all(|mutant| !on(*mutant)));
    }
}
