//! What holds with a file holds with a database.

macro_rules! in_database {
    ($($area:ident :: $test:ident),* $(,)?) => {$(
        #[test]
        fn $test() {
            super::IN_DATABASE.set(true);
            super::$area::$test();
        }
    )*};
}

in_database! {
    histories::the_strategy_and_the_ledger_agree_on_every_history,
    rooms::users_who_move_between_rooms_are_kept_as_in_memory,
    verbs::who_enters_another_room_gives_the_former_seat_up_when_the_entry_is_complete,
    verbs::a_failed_entry_elsewhere_leaves_the_former_place_the_current_one,
    verbs::a_newcomer_is_refused_where_the_user_sits_in_another_room,
    verbs::the_end_of_a_login_reaches_every_room,
    verbs::reservations_and_places_in_lines_are_bounded_per_user_and_per_address,
    verbs::as_many_as_there_are_seats_get_one_however_many_ask_at_once,
    verbs::freed_seats_go_to_the_head_of_a_long_line_also_when_somebody_deep_in_it_asks,
    verbs::a_larger_capacity_is_offered_to_the_line_at_once,
    verbs::bug_b24_staff_seats_given_up_are_offered_to_the_line_at_once,
    verbs::staff_pass_the_line_to_a_staff_seat_only,
    verbs::each_step_says_when_the_room_is_due_next,
    verbs::a_pending_room_is_forgotten_as_a_whole,
    verbs::a_cut_of_the_capacity_still_offers_what_fell_due_before_it,
    verbs::a_slot_that_falls_due_and_is_made_anew_in_one_verb_may_change_its_class,
    verbs::bug_b13_giving_one_room_up_leaves_the_seat_in_another,
    verbs::bug_b19_a_place_that_expired_is_given_to_whoever_asks,
    restart::a_reservation_stands_with_the_same_ticket_and_deadline,
    restart::seats_are_held_for_the_grace_and_taken_back_with_the_secret,
    restart::no_grant_number_comes_back,
    restart::a_room_is_taken_up_as_it_is_known_by_now_and_others_are_dropped,
    restart::the_line_stands_without_its_streams,
    restart::a_wall_clock_set_back_holds_nothing_for_longer_than_its_span,
}
