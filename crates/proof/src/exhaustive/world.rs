//! The model as the checker sees it, and what must hold in every state.

use anteroom_core::seat::{Elsewhere, Header, Snapshot, Terms};
use stateright::{Model, Property};

use super::actions::Action;
use super::reached::Reached;
use super::scope::Scope;
use super::state::{Broken, Grant, Stage, State, login, number};

/// One scope, made ready.
pub(super) struct World {
    pub(super) scope: Scope,
    pub(super) terms: Terms,
    pub(super) reached: Reached,
    nowhere: Snapshot,
}

impl World {
    pub(super) fn new(scope: Scope) -> Self {
        let nowhere = Snapshot {
            header: Header::new(scope.spec(0)),
            slots: vec![],
            line: vec![],
            entering: vec![],
            elsewhere: Elsewhere::default(),
        };
        Self { scope, terms: scope.terms(), reached: Reached::default(), nowhere }
    }

    /// What stands for a room while a step is made of it.
    pub(super) fn nowhere(&self) -> Snapshot {
        self.nowhere.clone()
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(&self.scope).canonical()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        state.events(&self.scope, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        Some(last.clone().after(self, action).canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = always();
        all.extend(sometimes(&self.scope));
        all
    }
}

fn always() -> Vec<Property<World>> {
    vec![
        Property::always("I1 no step adds a seat beyond the capacity", |_, state: &State| {
            state.broken != Some(Broken::Capacity)
        }),
        Property::always(
            "I2 when all is ended and all time has passed, no seat, waiter or entry is left",
            |world: &World, state: &State| {
                // A leak that is hidden by what is under way shows when that is over.
                !state.conns.is_empty() || state.drains(world)
            },
        ),
        Property::always("I3 a stay is returned exactly once", |_, state: &State| {
            state.broken != Some(Broken::Return)
        }),
        Property::always("I4 no more sessions of a user than the policy says", few_sessions),
        Property::always(
            "I6 a login that was revoked keeps nothing and opens nothing",
            |world: &World, state: &State| {
                state.broken != Some(Broken::Revoked) && is_revoked_for_good(world, state)
            },
        ),
        Property::always(
            "I8 no place is free while somebody waits or is told the room is full",
            |_, state: &State| state.broken != Some(Broken::Grantable),
        ),
        Property::always(
            "a confirm that is refused, or a late close, takes nothing away",
            |_, state: &State| state.broken != Some(Broken::Refused),
        ),
        Property::always("a stale tab throws nobody out", |_, state: &State| {
            state.broken != Some(Broken::Stale)
        }),
        Property::always(
            "a late request of a login that ended takes nothing from another",
            |_, state: &State| state.broken != Some(Broken::Taken),
        ),
        Property::always("nobody in the line is overtaken or lost", |_, state: &State| {
            state.broken != Some(Broken::Overtaken)
        }),
        Property::always("who has welcome and knows of no end has a seat", |_, state: &State| {
            let mut served = state.conns.iter().filter(|conn| conn.is_served(state));
            served.all(|conn| state.part_of(conn).is_some_and(|part| part.is_settled()))
        }),
        Property::always(
            "an observer never counts more users in a room than its capacity",
            |world: &World, state: &State| {
                (0..world.scope.rooms)
                    .all(|room| observed(state, room) <= state.top_capacity as usize)
            },
        ),
    ]
}

fn sometimes(scope: &Scope) -> Vec<Property<World>> {
    let mut all = vec![Property::sometimes("expired", |world: &World, _| {
        world.reached.has(Reached::EXPIRED)
    })];
    if scope.asks > 0 && u32::from(scope.users) > scope.capacity {
        all.push(Property::sometimes("full", |world: &World, _| world.reached.has(Reached::FULL)));
    }
    if scope.asks > 1 {
        all.push(Property::sometimes("replaced", |world: &World, _| {
            world.reached.has(Reached::REPLACED)
        }));
    }
    if scope.resumes {
        all.push(Property::sometimes("resumed", |world: &World, _| {
            world.reached.has(Reached::RESUMED)
        }));
    }
    if scope.waits > 0 {
        all.push(Property::sometimes("offered", |world: &World, _| {
            world.reached.has(Reached::OFFERED)
        }));
    }
    if scope.faults.crashes + scope.faults.naps > 0 {
        all.push(Property::sometimes("fenced", |world: &World, _| {
            world.reached.has(Reached::FENCED)
        }));
    }
    if scope.faults.revokes > 0 {
        all.push(Property::sometimes("revoked", |world: &World, _| {
            world.reached.has(Reached::REVOKED)
        }));
    }
    if scope.faults.network > 0 {
        all.push(Property::sometimes("late", |world: &World, _| {
            world.reached.has(Reached::STRAYED)
        }));
    }
    if scope.rooms > 1 {
        all.push(Property::sometimes("moved", |world: &World, _| {
            world.reached.has(Reached::MOVED)
        }));
    }
    all
}

/// Users that somebody outside would find in a room by talking to them.
fn observed(state: &State, room: u8) -> usize {
    let served = state.conns.iter().filter(|conn| conn.grant.room == room && conn.is_served(state));
    let mut users: Vec<u8> = served.map(|conn| conn.user).collect();
    users.sort_unstable();
    users.dedup();
    users.len()
}

fn few_sessions(world: &World, state: &State) -> bool {
    let most = world.terms.sessions.parts_per_slot();
    let mut slots = state.rooms.iter().flat_map(|room| &room.slots);
    let served = |user| {
        let of_user = state.conns.iter().filter(|it| it.user == user && it.is_served(state));
        of_user.count()
    };
    slots.all(|slot| slot.sitting.live.len() <= most)
        && (0..world.scope.users).all(|user| {
            served(user) <= if world.scope.is_one_in_all() { 1 } else { most * state.rooms.len() }
        })
}

/// After the rooms were told, nothing is left under a revoked login. A request that had passed its
/// first check may still be granted a reservation; it is answered only after the second check. A
/// request that went astray leaves one behind until its deadline: nobody has the ticket.
fn is_revoked_for_good(world: &World, state: &State) -> bool {
    (0..).zip(&state.clients).all(|(user, client)| {
        let is_dead = |it| (0..client.swept).any(|old| login(old) == it);
        let asked = client.request.and_then(|request| request.granted);
        (0..).zip(&state.rooms).all(|(room, snapshot)| {
            let slot = snapshot.slots.iter().find(|slot| number(slot.user) == user);
            let is_clean = slot.is_none_or(|slot| {
                let mut dead_part =
                    slot.sitting.held.as_ref().is_some_and(|held| is_dead(held.login));
                super::actions::each_part(&slot.sitting, &mut |part| {
                    dead_part |= is_dead(part.login);
                });
                let dead_reservation = slot.reservation.is_some_and(|it| {
                    let grant = Grant { room, n: it.generation.n as u8 };
                    is_dead(it.login) && asked.is_none_or(|(asked, _)| asked != grant)
                });
                !dead_part && (!dead_reservation || world.scope.faults.network > 0)
            });
            let waits = snapshot.line.iter().any(|it| number(it.user) == user && is_dead(it.login));
            is_clean && !waits
        })
    }) && !state.conns.iter().any(|conn| {
        let client = &state.clients[usize::from(conn.user)];
        conn.stage == Stage::Live && conn.login < client.swept
    })
}
