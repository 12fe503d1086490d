//! The small worlds, searched to their ends.

use std::num::NonZeroUsize;
use std::time::Duration;

use anteroom_proof::exhaustive::{HASTY, Order, SHORT, search};

#[test]
fn nothing_breaks_in_any_state_of_the_small_worlds() {
    let threads = NonZeroUsize::new(2).unwrap();
    for scope in SHORT {
        let limit = Duration::from_secs(600);
        let outcome = search(*scope, Order::Nearest, threads, limit, &mut |_| {});
        assert!(outcome.broken.is_empty(), "{}: {}", outcome.name, outcome.broken.join("\n"));
        assert!(outcome.holds(), "{outcome:?}");
        println!(
            "{}: {} states, {} steps, depth {}, {:?}",
            outcome.name, outcome.unique, outcome.generated, outcome.depth, outcome.took
        );
    }
}

#[test]
fn a_node_that_only_aborts_what_was_not_answered_leaks_a_seat() {
    let one = NonZeroUsize::new(1).unwrap();
    let outcome = search(HASTY, Order::Nearest, one, Duration::from_secs(60), &mut |_| {});
    let [way] = &outcome.broken[..] else { panic!("{outcome:?}") };
    assert!(way.starts_with("I2"), "{way}");
    println!("{way}");
}
