//! The table of faults: what each row is, and which tests show it that do not have its number in their name.

/// A row of the table in docs/faults.md.
pub(super) struct Row {
    pub(super) id: &'static str,
    pub(super) fault: &'static str,
    /// Tests of other names, by their full paths. Those named `fNN_…` are found by their name.
    pub(super) also: &'static [&'static str],
    /// Why there is no test, where there is none.
    pub(super) missing: &'static str,
}

const fn row(id: &'static str, fault: &'static str, also: &'static [&'static str]) -> Row {
    Row { id, fault, also, missing: "no test yet" }
}

const fn missing(id: &'static str, fault: &'static str, missing: &'static str) -> Row {
    Row { id, fault, also: &[], missing }
}

/// Every row, in the order of their numbers.
pub(super) const ROWS: &[Row] = &[
    row(
        "F01",
        "a node crashes at a named point",
        &[
            "durability::behaviour_b34_after_kill_9_every_acknowledged_message_is_there_once_and_in_order",
            "durability::behaviour_b34_pending_rooms_come_back_with_the_time_they_had_left",
            "admission::conditional::tests::restart::what_was_answered_survives_a_kill",
            "storage::sqlite::tests::crash::every_answered_append_is_in_a_copy_taken_mid_flight",
        ],
    ),
    row(
        "F02",
        "nodes are killed at random and start again",
        &[
            "nodes::what_a_node_that_was_killed_held_is_free_again_by_the_others",
            "nodes::a_killed_node_that_stays_away_gives_its_seats_back_after_its_lease",
            "nodes_storm::no_more_than_the_capacity_is_seen_in_a_storm_while_a_node_is_killed_and_one_stands_still",
            "nodes_storm::no_more_than_the_capacity_is_seen_in_such_a_storm_where_the_database_keeps_the_seats",
            "nodes_storm::no_more_than_a_hundred_are_seen_where_a_thousand_storm_and_redis_restarts_too",
        ],
    ),
    row(
        "F03",
        "a node sleeps through its lease and wakes",
        &[
            "nodes::a_node_that_slept_through_its_lease_tells_its_sessions_and_stops",
            "nodes::the_same_where_the_seats_are_in_postgresql",
            "storage::postgres::tests::leases::a_fenced_node_writes_nothing_and_its_later_life_does",
            "admission::conditional::tests::nodes::no_verb_of_a_fenced_life_takes_effect",
        ],
    ),
    row(
        "F04",
        "a node sleeps for less than its lease",
        &["storage::postgres::tests::leases::nobody_fences_itself_after_a_pause_of_all"],
    ),
    row(
        "F05",
        "a node is asked to stop in a storm",
        &[
            "durability::asked_to_stop_the_server_tells_everybody_and_ends_well",
            "storage::postgres::tests::leases::a_node_that_gives_up_in_order_is_not_swept",
        ],
    ),
    row(
        "F06",
        "a task panics",
        &[
            "admission::conditional::sqlite::faults::a_verb_that_panics_changes_nothing_and_the_next_one_is_decided",
            "storage::sqlite::tests::groups::a_failing_and_a_panicking_job_undo_only_themselves",
        ],
    ),
    row(
        "F07",
        "the client is gone in the middle of a step",
        &[
            "bugs::bug_b25_a_removal_whose_asker_hangs_up_is_carried_through",
            "entering::bug_b04_connections_that_vanish_during_the_entry_leave_no_seat_behind",
            "windows::bug_b04_a_session_that_ends_before_its_welcome_leaks_nothing",
            "storage::postgres::tests::bounds::a_caller_that_goes_away_leaves_the_line_usable",
        ],
    ),
    missing(
        "F08",
        "the runtime's workers are blocked",
        "nothing in the program blocks them on demand; F03 and F04 stop the whole process",
    ),
    missing(
        "F09",
        "the kernel kills for memory",
        "no memory group of its own is made here; F02 ends nodes in the same way",
    ),
    row("F10", "descriptors run out", &[]),
    missing("F11", "two versions side by side", "there is no release before this one"),
    row(
        "F12",
        "Redis is killed and starts again on its file",
        &[
            "admission::redis::tests::faults::a_store_that_lost_its_last_moments_is_lost_and_one_that_kept_all_goes_on",
        ],
    ),
    row(
        "F13",
        "Redis stalls",
        &[
            "admission::redis::tests::faults::a_stalled_store_is_answered_in_time_and_grants_nothing_afterwards",
        ],
    ),
    row(
        "F14",
        "Redis comes back empty",
        &[
            "nodes_apart::a_redis_that_was_restarted_empty_under_three_nodes_ends_all_and_gives_every_seat_again",
            "nodes::after_the_seats_were_lost_nobody_enters_before_every_node_has_let_go",
            "nodes_storm::no_more_than_the_capacity_is_seen_while_redis_loses_everything_and_a_node_stands_still",
            "redis_seats::a_redis_that_was_emptied_ends_all_sessions_before_it_gives_a_seat_again",
            "admission::redis::tests::faults::a_store_that_came_back_empty_answers_nothing_until_rooms_are_added_in_a_new_epoch",
        ],
    ),
    row("F15", "a replica that lags becomes the primary", &[]),
    row("F16", "an old primary is reached again", &[]),
    row(
        "F17",
        "an answer of Redis is lost after its script ran",
        &[
            "admission::redis::tests::faults::the_retry_of_a_step_whose_answer_was_lost_gives_the_same_seat",
        ],
    ),
    row("F18", "an answer of Redis comes too late", &[]),
    row(
        "F19",
        "a command arrives twice",
        &[
            "nodes_gaps::what_is_lost_doubled_and_reordered_between_nodes_is_heard_once_and_in_order",
        ],
    ),
    row(
        "F20",
        "Redis is full",
        &["admission::redis::tests::faults::a_full_store_refuses_seats_and_still_takes_them_back"],
    ),
    row(
        "F21",
        "Redis would evict; its scripts are flushed",
        &[
            "redis_seats::a_redis_that_would_evict_seats_is_refused_at_the_start_in_words",
            "admission::redis::tests::faults::scripts_that_were_flushed_are_loaded_again",
        ],
    ),
    row(
        "F22",
        "Redis is read-only, loads, asks for a password or moved",
        &[
            "admission::redis::tests::faults::a_replica_decides_nothing_and_a_primary_again_goes_on",
            "admission::redis::tests::faults::a_password_set_under_way_refuses_and_does_nothing",
        ],
    ),
    row(
        "F23",
        "what Redis tells of expiries is lost",
        &["nodes_gaps::who_ended_while_a_node_heard_nothing_is_closed_as_soon_as_it_hears_again"],
    ),
    row("F24", "Redis is far away", &[]),
    row("F25", "the broker is killed while things are published", &[]),
    row("F26", "of three brokers the leader is killed, the minority cut off", &[]),
    row("F27", "the broker's confirms are withheld", &[]),
    row("F28", "the broker raises an alarm", &[]),
    row("F29", "a queue or an exchange is deleted", &[]),
    row("F30", "a consumer is killed before it acknowledges", &[]),
    row("F31", "the broker drops all connections", &[]),
    row("F32", "the broker is away for long", &[]),
    row(
        "F33",
        "the answer of a commit is lost; PostgreSQL stops in a commit",
        &[
            "storage::postgres::tests::lost::a_commit_whose_answer_is_lost_is_repeated_without_a_double",
            "admission::conditional::tests::nodes::a_commit_whose_answer_is_lost_gives_the_same_seat_again",
            "postgres::while_the_database_is_away_nothing_is_acknowledged_and_open_chats_stay",
        ],
    ),
    row(
        "F34",
        "PostgreSQL ends backends",
        &[
            "storage::postgres::tests::lost::a_batch_whose_backend_is_ended_leaves_nothing_and_can_be_said_again",
        ],
    ),
    row(
        "F35",
        "PostgreSQL has no connection to give",
        &[
            "storage::postgres::tests::bounds::a_server_that_is_full_refuses_some_and_serves_the_rest",
            "storage::postgres::tests::bounds::more_calls_than_places_are_refused_at_once",
        ],
    ),
    row(
        "F36",
        "deadlocks and serialization failures",
        &[
            "storage::postgres::tests::nodes::batches_that_name_their_rooms_in_opposite_orders_do_not_meet_in_a_circle",
            "admission::conditional::tests::nodes::users_who_move_in_opposite_directions_never_wait_in_a_circle",
        ],
    ),
    row(
        "F37",
        "PostgreSQL is read-only",
        &[
            "storage::postgres::tests::lost::a_server_that_takes_no_writes_takes_none_and_is_not_ready",
        ],
    ),
    row(
        "F38",
        "the disk is full, and is not any more",
        &["storage::sqlite::tests::groups::a_full_disk_refuses_and_recovers_without_a_restart"],
    ),
    row(
        "F39",
        "a sync fails",
        &["storage::sqlite::tests::groups::after_a_disk_failure_every_call_is_refused"],
    ),
    row("F40", "the power is cut", &[]),
    row(
        "F41",
        "another process locks the database",
        &[
            "admission::conditional::sqlite::faults::a_lock_held_by_another_process_refuses_in_bounded_time_and_passes",
        ],
    ),
    row("F42", "the database's file is damaged", &[]),
    row("F43", "a client is half open", &[]),
    row(
        "F44",
        "a peer never answers, another is only slow",
        &["leaving::behaviour_b23_a_silent_peer_is_removed_and_a_living_one_is_not"],
    ),
    row(
        "F45",
        "slow readers in a large room",
        &["readers::a_reader_that_stands_still_is_cut_however_much_it_says"],
    ),
    row("F46", "nodes do not reach each other, or one way only", &[]),
    row(
        "F47",
        "one node loses Redis only",
        &[
            "nodes_gaps::a_node_cut_off_from_the_bus_hears_and_is_heard_and_nothing_is_told_twice_after",
            "nodes_gaps::a_node_whose_line_to_the_bus_stands_still_hears_and_is_heard_and_nothing_is_told_twice_after",
        ],
    ),
    row("F48", "every line is chopped, merged and late", &[]),
    row("F49", "lines are reset; clients close one half", &[]),
    row("F50", "everybody of a node comes back at once", &[]),
    row(
        "F51",
        "one seat is freed and many want it",
        &[
            "races::behaviour_b02_two_hundred_duels_for_the_only_seat_have_one_winner_each",
            "admission::conditional::tests::nodes::a_line_that_two_nodes_fill_has_one_order_and_each_freed_seat_one_offer",
        ],
    ),
    row(
        "F52",
        "a proxy repeats a request",
        &[
            "races::behaviour_b07_fifty_parallel_reservations_of_one_user_are_one_seat_and_one_ticket",
        ],
    ),
    row(
        "F53",
        "a node's wall clock is wrong",
        &[
            "admission::conditional::tests::postgres::a_wall_clock_set_back_holds_nothing_for_longer_than_its_span",
        ],
    ),
    row(
        "F54",
        "Redis' clock is wrong",
        &[
            "admission::redis::tests::faults::a_clock_that_is_set_back_moves_no_deadline_and_one_set_forward_overfills_nothing",
            "admission::redis::tests::faults::a_clock_that_runs_ahead_of_what_was_measured_costs_one_more_question",
        ],
    ),
    missing(
        "F55",
        "a node's monotonic clock runs fast or slow",
        "no tool here changes it for one process",
    ),
    missing("F56", "times at the edge of their range", "no test yet"),
    row(
        "F57",
        "the sweeper is dead, doubled or slow",
        &[
            "admission::conditional::tests::nodes::what_is_due_on_a_node_that_is_gone_is_ended_by_another",
        ],
    ),
    row(
        "F58",
        "a refresh in a full room, in either order",
        &[
            "refresh::behaviour_b20_refresh_in_a_full_room_old_closed_first",
            "refresh::behaviour_b20_refresh_in_a_full_room_new_opened_first",
            "refresh::bug_b13_the_late_close_of_a_replaced_session_does_not_touch_the_new_one",
        ],
    ),
    row(
        "F59",
        "one ticket is confirmed twice at once",
        &["windows::bug_two_confirms_at_once_leave_one_open_membership_each_round"],
    ),
    row(
        "F60",
        "fifty logins elsewhere at once",
        &["races::behaviour_b19_a_hundred_tabs_of_one_user_at_once_leave_one_session_and_one_seat"],
    ),
    row("F61", "a confirm in the millisecond of the deadline", &[]),
    row(
        "F62",
        "a confirm against a ban, a logout, a smaller room, a closed room",
        &[
            "last_words::bug_a_kick_that_races_with_welcome_is_told_in_words",
            "last_words::bug_a_logout_that_races_with_welcome_is_told_in_words",
            "races::bug_b06_a_room_that_closes_while_people_arrive_keeps_nobody_and_refuses_the_rest",
        ],
    ),
    row(
        "F63",
        "a reservation against the last leave and the room's end",
        &[
            "storage::postgres::tests::nodes::a_room_that_closes_while_two_nodes_speak_and_enter_is_closed_for_all",
        ],
    ),
    row(
        "F64",
        "a logout while a reservation is under way",
        &["leaving::a_logout_takes_open_reservations_with_it"],
    ),
    row(
        "F65",
        "a message whose acknowledgement is lost, said again by another session",
        &["durability::what_was_sent_but_not_acknowledged_is_safe_to_send_again"],
    ),
    row("F66", "links stop one by one and come back in another order", &[]),
];
