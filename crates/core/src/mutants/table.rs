//! The mutants: which public bug each is, what is broken, and which tests must notice.
//!
//! A killer is `program/test`: `core` and `server` are the unit tests of the two crates, `it` the
//! tests of real servers, anything else a test program of that name. The most specific comes first.

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident => [$($killer:literal),+ $(,)?],)*) => {
        /// A public bug, seeded. The name begins with its number in `docs/bugs.md`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Mutant {
            $($(#[$doc])* $name,)*
        }

        impl Mutant {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name, as the environment gives it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The tests that notice it, the most specific first.
            #[must_use]
            pub const fn killers(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &[$($killer),+],)*
                }
            }
        }
    };
}

mutants! {
    /// Colyseus #678: a seat whose entry is under way is not counted until it is complete.
    B01EntryUnderWayNotCounted => [
        "core/seat::tests::bugs::bug_b01_an_entry_under_way_is_counted",
        "it/bugs::bug_b01_an_entry_still_being_written_keeps_its_place",
    ],
    /// Colyseus #678: the reservation is dropped in one step and the part added in the next.
    B01ReservationGoneBeforeThePart => ["core/seat::tests::bugs::bug_b01_a_confirm_leaves_no_gap_for_the_line"],
    /// Colyseus #726: a user who sits and reserves again counts twice, so the room is full too
    /// early.
    B02UserCountedTwice => ["core/seat::tests::bugs::bug_b02_who_sits_and_reserves_again_counts_once"],
    /// Colyseus #726, in SQL: each row counts for two.
    B02RowsCountedTwice => ["server/admission::conditional::tests::verbs::as_many_as_there_are_seats_get_one_however_many_ask_at_once"],
    /// Colyseus #800: a join that failed stays counted; the undoing forgets the part.
    B03AbortKeepsTheSeat => [
        "core/seat::tests::entering::bug_b03_an_aborted_first_entry_returns_the_seat_and_not_the_reservation",
        "it/scn_entry::scn_entry_006_a_failure_inside_the_entry_returns_the_seat_and_closes",
    ],
    /// pokemonAutoChess #2548: a failed entry is refused, and nobody undoes its confirm.
    B03FailureIsNotUndone => ["it/scn_entry::scn_entry_006_a_failure_inside_the_entry_returns_the_seat_and_closes"],
    /// Colyseus #800: whoever is refused after the ledger granted keeps the place all the same.
    B03RefusedGrantStands => ["it/bugs::bug_b03_who_is_refused_after_the_grant_keeps_no_seat"],
    /// Colyseus #800: a refused reservation stays counted against its user.
    B03RefusalKeepsTheQuota => ["server/admission::semaphore::tests::bug_b03_a_refused_reservation_takes_no_place_in_the_quota"],
    /// Colyseus #800, in Lua: a refused reservation stays counted against its user.
    B03ScriptKeepsTheQuota => ["server/admission::redis::tests::bugs::bug_b03_a_refused_reservation_takes_no_place_in_the_scripts_bounds"],
    /// Colyseus #633: an end that comes while the entry is under way is not kept for it.
    B04EndIsNotNoted => ["core/seat::tests::entering::bug_b04_an_entry_whose_user_was_removed_meanwhile_learns_it"],
    /// Colyseus #633: the entry goes on after its end: a ghost without a seat.
    B04SettledThoughItEnded => ["core/seat::tests::entering::bug_b04_an_entry_whose_user_was_removed_meanwhile_learns_it"],
    /// Colyseus #633: a session that ends before its `welcome` never departs.
    B04NoPartingBeforeWelcome => ["it/bugs::bug_b04_an_entry_whose_welcome_cannot_be_told_leaves_nothing_behind"],
    /// Colyseus #962: the deadline is cleared before the ticket is checked.
    B05WrongTicketStopsTheTimer => ["core/seat::tests::bugs::bug_b05_a_wrong_ticket_leaves_the_deadline_running"],
    /// Colyseus #962: a refused confirm has consumed the reservation.
    B05RefusalUsesTheTicketUp => ["core/seat::tests::resuming::bug_b29_a_stale_tab_cannot_throw_out_the_active_one"],
    /// Colyseus #962: a wrong resume secret stops the grace of a held seat.
    B05WrongSecretStopsTheGrace => ["core/seat::tests::bugs::bug_b05_a_wrong_resume_secret_leaves_the_grace_running"],
    /// Colyseus #354 and #962, in Lua: a ticket without its secret is as good.
    B05ScriptComparesNoNonce => ["server/admission::redis::tests::bugs::bug_b05_a_wrong_ticket_opens_nothing_by_script"],
    /// Colyseus #555: a reservation is accepted while the room ends.
    B06ReserveInAClosingRoom => ["core/seat::tests::rooms::bug_b06_a_closing_room_is_gone_once_the_entries_under_way_have_learnt_it"],
    /// Colyseus #555: a reservation made before the end is confirmed after it: a zombie room.
    B06ReservationOutlivesItsRoom => ["core/seat::tests::rooms::bug_b06_a_closed_room_ends_everybody_and_refuses_all_steps"],
    /// Colyseus #555: a pending room is forgotten while its first entry is under way.
    B06PendingRoomEndsUnderAnEntry => ["core/seat::tests::rooms::bug_b06_a_pending_room_waits_for_the_entry_that_is_under_way"],
    /// Colyseus #555, in Lua: a reservation is accepted while the room ends.
    B06ScriptReservesInAClosingRoom => ["server/admission::redis::tests::bugs::bug_b06_a_closing_room_reserves_nothing_by_script"],
    /// Colyseus PR #649: a number beside the set goes up with every refresh and never down.
    B07RefreshCountsUp => ["core/seat::tests::bugs::bug_b07_a_hundred_refreshes_move_no_number"],
    /// Colyseus PR #649: connections are counted where users should be.
    B07DevicesCounted => ["core/seat::tests::bugs::bug_b07_devices_of_one_user_are_one_seat"],
    /// Colyseus #354: what everybody may know of a reservation is enough to use it.
    B08NonceNotCompared => ["core/seat::tests::entering::bug_b05_a_wrong_ticket_opens_nothing_and_the_reservation_keeps_its_deadline"],
    /// Colyseus #354: the session's id, which is no secret, is the resume secret.
    B08ResumeIsTheSession => ["it/bugs::bug_b08_ticket_and_resume_secret_are_told_to_their_owner_only"],
    /// Colyseus #354: the secret half of a ticket is the same each time.
    B08NonceIsNoSecret => ["server/entry::reserve::tests::bug_b08_no_two_reservations_share_their_secret"],
    /// Colyseus #354: the log tells tickets.
    B08TicketInTheLog => ["it/bugs::bug_b08_ticket_and_resume_secret_are_told_to_their_owner_only"],
    /// LiveKit agents #1184: only the slots that are at hand are counted.
    B09ElsewhereNotCounted => ["core/seat::tests::bugs::bug_b09_slots_that_were_not_loaded_are_counted"],
    /// BigBlueButton #9078: a room that is added again gets a ledger of its own.
    B09SecondLedger => ["server/admission::semaphore::tests::bug_b09_a_room_added_again_keeps_its_ledger"],
    /// BigBlueButton #9078: the limit is looked at in one step and the seat taken in another.
    B09CheckedThenActed => [
        "it/races::behaviour_b02_exactly_ten_of_two_hundred_enter_an_empty_room_of_ten",
        "it/races::behaviour_b02_two_hundred_duels_for_the_only_seat_have_one_winner_each",
    ],
    /// BigBlueButton #9078, in SQL: the conditional insert has lost its condition.
    B09RowsAreNoJudge => ["server/admission::conditional::sqlite::faults::the_rows_are_the_judge_when_the_ledger_gives_too_much"],
    /// LiveKit agents #1184, in SQL: one class of seats is not counted.
    B09StaffNotCounted => [
        "server/admission::conditional::tests::verbs::staff_pass_the_line_to_a_staff_seat_only",
        "server/admission::conditional::tests::histories::the_strategy_and_the_ledger_agree_on_every_history",
    ],
    /// BigBlueButton #9078: who may have a seat is judged by what was kept for staff before.
    B09KeptSeatsOfBefore => [
        "core/seat::tests::rooms::bug_b09_seats_kept_for_staff_from_now_on_let_no_ordinary_newcomer_in",
    ],
    /// BigBlueButton #9078, in Lua: the seats kept for staff stay as they were.
    B09ScriptKeptSeatsOfBefore => ["server/admission::redis::tests::bugs::bug_b09_staff_seats_given_up_are_offered_by_script"],
    /// BigBlueButton #9078, in Lua: one slot too few is counted.
    B09ScriptCountsOneTooFew => ["server/admission::redis::tests::bugs::bug_b09_the_scripts_give_no_seat_beyond_the_last"],
    /// Socket.IO #4380: a session is registered though it has ended meanwhile.
    B10RegisteredAfterItsEnd => ["it/bugs::bug_b10_a_session_that_ended_while_it_entered_is_not_registered"],
    /// simplexmq #1250: the session of a closed connection stays registered.
    B11HubKeepsTheSession => ["it/bugs::bug_b11_after_many_visits_everything_stands_as_before"],
    /// centrifuge #209: one of the indexes keeps a session that is gone.
    B11RoomKeepsTheSession => [
        "registry/bug_b11_every_index_forgets_a_session_that_is_gone",
        "registry/the_three_indexes_say_what_a_flat_list_says",
    ],
    /// ejabberd #2663: the clean-up of an old session is keyed by user and switches off the new
    /// one.
    B13CloseByUser => [
        "core/seat::tests::resuming::bug_b13_without_a_secret_the_arrival_takes_over",
        "it/refresh::bug_b13_the_late_close_of_a_replaced_session_does_not_touch_the_new_one",
    ],
    /// Cockatrice PR #1438: a close does not compare the grant number.
    B13CloseWithoutGeneration => ["core/seat::tests::leaving::bug_b13_a_close_that_names_another_part_is_stale"],
    /// ejabberd #2663: a close of another node, or of another life of it, is obeyed.
    B13CloseWithoutOwner => ["core/seat::tests::leaving::bug_b13_a_close_that_names_another_part_is_stale"],
    /// opendia #26: moving out ends whatever the user has in the room by then.
    B13MoveOutByUser => ["core/seat::tests::leaving::bug_b13_moving_to_another_room_gives_up_the_part_it_names_live_or_held"],
    /// ejabberd #2663: taking one grant back takes any.
    B13WithdrawByUser => ["core/seat::tests::reserving::bug_b20_a_grant_is_withdrawn_by_its_number_and_login_and_no_other_is_touched"],
    /// ejabberd #2663: a request of a login that was just superseded takes what the new login has, and
    /// is then taken back itself.
    B13LateAskTakesAnotherLogins => ["core/seat::tests::rivals::bug_b13_a_request_in_flight_under_a_superseded_login_takes_nothing_of_the_new_one"],
    /// opendia #26: the end of an old stream is counted against the place held now.
    B13StreamOfAFormerPlace => ["core/seat::tests::waiting::bug_b13_a_second_stream_keeps_the_place_and_a_stream_of_a_former_place_has_no_say"],
    /// ejabberd #2663: the end of a stay forgets a later stay in the same room.
    B13StayForgottenByRoom => ["core/place::tests::bug_b13_the_end_of_an_earlier_stay_does_not_touch_a_later_one_in_the_same_room"],
    /// ejabberd #2663: a failed entry forgets every place of its user.
    B13PlaceForgottenByUser => ["core/place::tests::bug_b13_a_failed_entry_leaves_the_former_place_current"],
    /// Cockatrice PR #1438: undoing a failed takeover removes the user who was there before.
    B13UndoByUser => ["it/bugs::bug_b13_a_takeover_that_fails_leaves_the_living_session_alone"],
    /// ejabberd #2663, in SQL: a slot is dropped by user, in whatever room.
    B13SlotDroppedInEveryRoom => [
        "server/admission::conditional::tests::verbs::bug_b13_giving_one_room_up_leaves_the_seat_in_another",
        "server/admission::conditional::tests::rooms::users_who_move_between_rooms_are_kept_as_in_memory",
    ],
    /// Cockatrice PR #1438, in Lua: a close does not compare the grant number.
    B13ScriptClosesWithoutNumber => ["server/admission::redis::tests::bugs::bug_b13_a_close_by_script_ends_the_part_it_names_and_no_other"],
    /// ejabberd #2663, in Lua: a late request takes what another login of its user has.
    B13ScriptTakesAnotherLogins => ["server/admission::redis::tests::bugs::bug_b13_a_late_request_by_script_takes_nothing_of_another_login"],
    /// ejabberd #2663, in Lua: the end of one stream takes all of its waiter's off.
    B13ScriptTakesAnyStreamOff => ["server/admission::redis::tests::bugs::bug_b13_the_end_of_a_stream_by_script_takes_no_other_off"],
    /// ejabberd #2663, in Lua: a close ends whatever its user has there.
    B13ScriptReleasesByUser => ["server/admission::redis::tests::bugs::bug_b13_a_close_by_script_ends_the_part_it_names_and_no_other"],
    /// MongooseIM #843: entries under way of a dead node stay for ever.
    B14FenceForgetsEntries => ["core/seat::tests::leaving::bug_b14_a_fenced_node_loses_its_parts_and_no_other"],
    /// primus-cluster #6: cleaning up after a dead node takes the restarted one with it.
    B14FenceWithoutIncarnation => ["core/seat::tests::leaving::bug_b14_a_fenced_node_loses_its_parts_and_no_other"],
    /// ejabberd #551: what a killed process left open stays open after its restart.
    B14RecordsOutliveTheNode => ["it/bugs::bug_b14_no_stay_outlives_a_killed_process"],
    /// Openfire PR #1811: nobody notices a peer that is gone without a word.
    B15SilentPeerKept => ["it/leaving::behaviour_b23_a_silent_peer_is_removed_and_a_living_one_is_not"],
    /// Openfire #1996: a peer that only answers pings is taken for dead.
    B15LivingPeerDropped => ["it/leaving::behaviour_b23_a_silent_peer_is_removed_and_a_living_one_is_not"],
    /// Openfire #1996: a waiter whose stream stands loses the place.
    B15AttachedWaiterTimesOut => ["core/seat::tests::waiting::bug_b15_a_waiter_whose_stream_stays_away_loses_the_place_and_one_with_a_stream_never_does"],
    /// Phoenix #2255: who left is still thought to have been told of, and so is never told of
    /// again.
    B16PartingLeavesItsMark => ["it/bugs::bug_b16_who_comes_back_is_told_of_again"],
    /// phoenix_pubsub #80: a session told twice leaves a ghost in the room it was told in first.
    B17InsertedTwice => [
        "registry/bug_b17_a_session_told_twice_stays_where_it_was_told_first",
        "registry/the_three_indexes_say_what_a_flat_list_says",
    ],
    /// phoenix_pubsub #49: the second telling of an end is an end again.
    B17RoomClosedTwice => ["core/seat::tests::bugs::bug_b17_every_end_told_twice_changes_nothing_the_second_time"],
    /// Redisson #604: two grants cannot be told apart.
    B18GrantNumberReused => ["core/seat::tests::bugs::bug_b18_no_two_grants_have_one_number"],
    /// Redisson #604: a room taken up in a new life repeats the grant numbers of the old one.
    B18EpochStays => ["core/seat::tests::bugs::bug_b18_a_room_taken_up_again_never_repeats_a_grant"],
    /// Redisson #604, in SQL: the epoch of a new life is not written.
    B18EpochNotStored => ["server/admission::conditional::tests::restart::no_grant_number_comes_back"],
    /// Redisson #604, in Lua: two grants cannot be told apart.
    B18ScriptRepeatsItsNumbers => ["server/admission::redis::tests::bugs::bug_b18_no_two_grants_of_the_scripts_have_one_number"],
    /// Redisson #2045: a permit whose holder died never comes back.
    B19ReservationWithoutDeadline => ["core/seat::tests::reserving::bug_b19_a_reservation_is_gone_at_its_deadline_and_not_before"],
    /// Redisson #2213: a held seat has no deadline.
    B19HeldWithoutDeadline => ["core/seat::tests::leaving::bug_b19_an_unclean_close_holds_the_seat_for_the_grace"],
    /// Redisson #2045: nobody looks at deadlines while nobody asks.
    B19DeadlineNotScheduled => ["it/scn_entry::scn_entry_001_a_reservation_nobody_confirms_is_reclaimed_at_its_deadline"],
    /// Redisson #2213: asking again and again keeps a seat for ever without ever coming.
    B19AskingExtends => ["core/seat::tests::reserving::bug_b19_asked_again_the_same_reservation_is_answered_and_its_expiry_is_not_extended"],
    /// Redisson #2045, in SQL: the seats of others that are overdue are not looked at.
    B19DueSlotsNotLoaded => ["server/admission::conditional::tests::verbs::bug_b19_a_place_that_expired_is_given_to_whoever_asks"],
    /// Redisson #2045, in Lua: a deadline is kept and never looked at.
    B19ScriptSetsNoDeadline => ["server/admission::redis::tests::bugs::bug_b19_a_reservation_by_script_is_gone_at_its_deadline_and_not_before"],
    /// Redisson #4086: at its deadline a permit is still honoured.
    B20DeadlineItselfCounts => ["core/seat::tests::reserving::bug_b19_a_reservation_is_gone_at_its_deadline_and_not_before"],
    /// Redisson #4086: an expired permit is honoured.
    B20LateTicketEnters => ["core/seat::tests::entering::bug_b20_a_late_ticket_is_told_that_it_is_late"],
    /// Redisson #6343: a permit of somebody else is honoured.
    B20ForeignLoginConfirms => ["core/seat::tests::entering::bug_b05_a_wrong_ticket_opens_nothing_and_the_reservation_keeps_its_deadline"],
    /// Redisson #6343: what stands under another login is given back.
    B20ForeignGrantWithdrawn => ["core/seat::tests::reserving::bug_b20_a_grant_is_withdrawn_by_its_number_and_login_and_no_other_is_touched"],
    /// Redisson #4086, in Lua: at its deadline a permit is still honoured.
    B20ScriptHonoursTheDeadline => ["server/admission::redis::tests::bugs::bug_b19_a_reservation_by_script_is_gone_at_its_deadline_and_not_before"],
    /// Redisson #6343, in Lua: a permit of somebody else is honoured.
    B20ScriptTakesAnyLogin => ["server/admission::redis::tests::bugs::bug_b05_a_wrong_ticket_opens_nothing_by_script"],
    /// Redisson #4678: a full room looks like one that was never made, and is made anew.
    B21FullLooksUnmade => ["server/admission::semaphore::tests::bug_b09_a_room_added_again_keeps_its_ledger"],
    /// Redisson #4678: a room that nobody has used yet looks like one that has emptied.
    B21UnusedLooksEmpty => ["core/seat::tests::rooms::bug_b21_a_room_that_lives_until_empty_goes_with_its_last_seat"],
    /// Redisson #4678: a room that has emptied looks like one that nobody has used yet.
    B21RestoredAsUnused => ["core/seat::tests::bugs::bug_b21_a_room_knows_that_it_was_used_when_it_is_restored"],
    /// Redisson #4100: the ledger of a room that is gone stays.
    B22GoneRoomKept => ["server/admission::semaphore::tests::bug_b22_nothing_is_kept_of_rooms_and_users_that_are_gone"],
    /// Redisson #4100: a key stays for each user who was ever there.
    B22WhereaboutsKept => ["server/admission::semaphore::tests::bug_b22_nothing_is_kept_of_rooms_and_users_that_are_gone"],
    /// Redisson #4100: an address keeps what its users gave back.
    B22QuotaKept => ["server/admission::quota::tests::bug_b22_the_fourth_open_reservation_is_refused_and_an_expired_one_makes_room"],
    /// Redisson #4100: the set of a user without sessions stays.
    B22EmptySetKept => [
        "registry/bug_b11_every_index_forgets_a_session_that_is_gone",
        "registry/the_three_indexes_say_what_a_flat_list_says",
    ],
    /// Redisson #4100: the deadline of a session that is gone stays.
    B22DeadlineKept => ["it/bugs::bug_b11_after_many_visits_everything_stands_as_before"],
    /// tokio `add_permits`, Java `Semaphore.release`: a release without an acquire makes one place
    /// more.
    B23StaleReleaseGrows => ["core/seat::tests::bugs::bug_b23_no_release_raises_the_bound"],
    /// tokio #1898: of several free places one wakes somebody, and the rest sleep on.
    B24OneOfferPerStep => ["core/seat::tests::waiting::bug_b24_every_place_that_a_larger_capacity_brings_is_offered_in_order"],
    /// asyncband #10: a waiter who gave up still stands at the head and blocks the line.
    B24GhostInTheLine => ["core/seat::tests::waiting::bug_b24_one_who_stops_waiting_gets_no_offer"],
    /// tokio #1898: a place that frees itself wakes nobody.
    B24ExpiryWakesNobody => ["core/seat::tests::bugs::bug_b24_a_place_that_expires_is_offered_without_anybody_asking"],
    /// tokio #1898: an earlier deadline does not wake the loop that sleeps for a later one.
    B24WakeUpLost => ["server/sweeper::tests::bug_b24_the_loop_wakes_for_an_earlier_deadline_and_forgets_a_removed_one"],
    /// asyncband #10, in SQL: the wake-up goes to whoever came last.
    B24LineFromItsEnd => [
        "server/admission::conditional::tests::verbs::freed_seats_go_to_the_head_of_a_long_line_also_when_somebody_deep_in_it_asks",
        "server/admission::conditional::tests::histories::the_strategy_and_the_ledger_agree_on_every_history",
    ],
    /// tokio #1898, in SQL: only as many are woken as the size of before had places for.
    B24PlacesOfTheSizeBefore => [
        "server/admission::conditional::tests::verbs::bug_b24_staff_seats_given_up_are_offered_to_the_line_at_once",
    ],
    /// tokio #1898, in Lua: of several free places one wakes somebody.
    B24ScriptOffersOnce => ["server/admission::redis::tests::bugs::bug_b24_every_place_that_a_larger_capacity_brings_is_offered_by_script"],
    /// aws-durable-execution-sdk-rust #48: work that was begun is dropped with whoever waits for
    /// it.
    B25WorkGoesWithItsCaller => ["it/bugs::bug_b25_a_removal_whose_asker_hangs_up_is_carried_through"],
    /// solana-private-channels PR #247: the permit is freed while its blocking work runs on.
    B26PlaceFreedAtHangUp => ["server/accounts::password::tests::bug_b26_callers_that_hang_up_free_no_place_that_is_still_running"],
    /// centrifuge PR #595: a slow store keeps connections open that have ended.
    B27CloseWaitsForTheStore => ["it/bugs::bug_b27_a_store_that_stands_still_keeps_no_connection_open"],
    /// Playtak #20: a replaced device comes back by itself and throws out the one that replaced it.
    B29StaleSecretTakesOver => [
        "core/seat::tests::resuming::bug_b29_a_stale_tab_cannot_throw_out_the_active_one",
        "it/refresh::bug_b29_a_replaced_tab_that_comes_back_by_itself_does_not_throw_out_the_active_one",
    ],
    /// Playtak #20, in Lua: a replaced device throws out the one that replaced it.
    B29ScriptTakesAnySecret => ["server/admission::redis::tests::bugs::bug_b29_a_stale_secret_takes_no_seat_by_script"],
    /// booking #27: how many rows an update touched is not looked at.
    B30EndedTwice => ["server/storage::sqlite::tests::a_stay_ends_once"],
    /// booking #27: how many rows a change of a seat touched is not looked at.
    B30AnyNumberOfRows => ["server/admission::conditional::sqlite::faults::a_change_that_meets_no_row_undoes_the_verb"],
    /// booking #27: an update without a guard on the state overwrites how a stay ended.
    B30EndsWhatHasEnded => ["server/storage::sqlite::tests::a_stay_ends_once"],
    /// booking #27: an entry whose room has no row goes on.
    B30NoRowIsNoMatter => ["it/bugs::bug_b30_an_entry_into_a_room_that_was_closed_meanwhile_is_refused"],
    /// booking #27: opening a room that is not queued is answered as done.
    B30RoomOpenedFromNothing => ["server/storage::sqlite::tests::an_unknown_or_forgotten_room_takes_nobody"],
    /// RabbitMQ #7677: the replaced session lives on beside the new one.
    B31ReplacedIsNotTold => ["it/scn_entry::scn_entry_003_a_second_connection_of_a_user_ends_the_first_and_keeps_the_seat"],
    /// RabbitMQ #7677: the replaced part keeps its share of the seat.
    B31ReplacedPartStays => ["core/seat::tests::resuming::bug_b13_without_a_secret_the_arrival_takes_over"],
}
