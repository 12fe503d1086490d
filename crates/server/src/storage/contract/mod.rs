//! The promises of [`crate::storage`] as tests, for every implementation alike.
//!
//! Each takes a fresh, empty store. An implementation runs them all with `storage_contract!`. Nothing
//! here may know which database is below. Parallel callers are futures polled together: what they ask
//! for reaches the store before any of them is answered.

pub(crate) mod accounts;
pub(crate) mod administrators;
pub(crate) mod audit;
pub(crate) mod changes;
pub(crate) mod entries;
pub(crate) mod events;
pub(crate) mod keeping;
pub(crate) mod logins;
pub(crate) mod messages;
pub(crate) mod person;
pub(crate) mod rooms;
pub(crate) mod search;
pub(crate) mod stays;

use anteroom_core::ids::{Generation, LoginId, MessageId, Owner, RoomId, UserId};
use anteroom_protocol::account::Role;
use anteroom_protocol::message::{MessageKind, TEXT_PLAIN};
use anteroom_protocol::room::{Lifetime, Visibility};
use uuid::Uuid;

use super::{
    Entered, LoginRecord, NewMembership, NewMessage, NewRecord, NewRoom, NewUser, QueuedMessage,
    Storage, TokenFacts,
};

/// Makes a test of each promise. The argument makes a value with a `store()` that lends the store.
macro_rules! storage_contract {
    ($fresh:expr) => {
        storage_contract! { @each $fresh;
            accounts::a_user_reads_back_as_it_was_written,
            accounts::a_hundred_parallel_sign_ups_of_one_name_leave_exactly_one,
            accounts::repeating_a_sign_up_answers_the_same_user,
            accounts::an_id_that_is_in_use_is_no_second_user,
            accounts::a_profile_changes_only_where_it_is_told,
            accounts::password_lock_and_roles_are_replaced,
            accounts::changing_nobody_is_said_so,
            accounts::people_are_found_by_how_their_names_begin,
            administrators::nothing_takes_the_last_one_away_but_who_may,
            administrators::who_is_locked_or_at_the_end_does_not_count,
            administrators::a_guest_who_may_administer_is_not_the_one_who_is_left,
            administrators::of_two_who_take_it_from_each_other_one_is_left,
            administrators::of_many_who_take_it_from_the_next_one_is_left,
            audit::an_act_is_noted_once_and_settled_once,
            audit::acts_are_found_by_everything_they_name,
            audit::the_trail_pages_from_the_newest_without_gaps,
            audit::what_staff_did_is_not_pushed_out_by_others,
            logins::the_oldest_logins_beyond_keep_are_ended_oldest_first,
            logins::a_hundred_parallel_logins_with_keep_one_leave_exactly_one,
            logins::repeating_a_login_changes_nothing,
            logins::the_end_of_a_login_is_known_by_its_reason,
            logins::logins_of_others_are_left_alone,
            logins::of_two_parallel_refreshes_one_wins_and_the_other_learns_the_winner,
            logins::an_ended_login_cannot_be_refreshed,
            logins::ending_all_logins_tells_which,
            rooms::a_queued_room_is_listed_and_forgotten_once,
            rooms::a_room_stands_in_one_place_at_every_moment,
            rooms::numbers_start_at_101_and_never_come_back,
            rooms::a_room_opens_as_it_was_queued,
            rooms::a_room_whose_only_entries_failed_is_forgotten_whole,
            rooms::an_open_room_changes_only_where_it_is_told,
            rooms::a_closed_room_stays_closed,
            rooms::a_ban_can_be_repeated_and_may_come_before_the_room_opens,
            rooms::a_ban_is_listed_and_lifted_once,
            stays::two_parallel_first_entries_open_the_room_once,
            stays::an_unknown_or_forgotten_room_takes_nobody,
            stays::repeating_an_entry_changes_nothing,
            stays::a_generation_belongs_to_one_user,
            stays::a_newer_stay_ends_the_older,
            stays::an_overtaken_stay_does_not_end_the_newer,
            stays::a_stay_ends_once,
            stays::an_epoch_rises_and_ends_what_was_left_open,
            stays::stays_that_go_on_keep_their_records,
            stays::closing_a_room_ends_its_stays,
            messages::numbers_follow_the_batch_without_gaps,
            messages::sixty_four_parallel_callers_leave_no_gap_and_no_double,
            messages::a_duplicate_gets_its_first_outcome_also_within_a_batch,
            messages::a_client_id_is_the_senders_own_and_the_rooms_own,
            messages::the_same_message_without_a_client_id_is_stored_once,
            messages::a_closed_or_unknown_room_takes_nothing_and_disturbs_nobody,
            messages::a_retry_after_the_room_closed_gets_its_first_outcome,
            messages::a_batch_with_an_unknown_sender_leaves_nothing,
            messages::pages_are_stable_while_messages_arrive,
            messages::a_message_reads_back_as_it_was_written,
            messages::an_empty_batch_is_answered_empty,
            messages::what_was_queued_is_stored_after_what_was_said_before_it,
            messages::what_was_queued_and_is_stored_gets_its_first_outcome,
            changes::an_edit_and_a_delete_take_the_next_numbers_and_change_the_message,
            changes::a_batch_mixes_messages_and_changes_in_its_order,
            changes::who_may_change_what,
            changes::a_change_that_changes_nothing_is_answered_with_the_first_outcome,
            changes::what_is_deleted_is_gone_from_every_earlier_edit_too,
            changes::an_edit_keeps_the_kind_and_type_of_its_message,
            changes::a_closed_room_takes_no_change_and_repeats_its_answers,
            changes::of_edits_and_deletes_that_race_everybody_sees_one_order,
            changes::pages_hold_messages_only_and_count_no_changes,
            changes::the_log_folds_into_the_history,
            keeping::the_oldest_go_in_steps_and_no_number_comes_back,
            keeping::a_change_that_outlives_its_message_leaves_no_hole,
            keeping::rooms_with_something_old_are_found_open_or_closed,
            keeping::words_that_were_being_indexed_go_with_their_message,
            keeping::a_reader_who_pages_meanwhile_misses_nothing_that_is_kept,
            keeping::nothing_goes_early_and_what_is_kept_is_whole,
            person::what_hangs_on_a_person_is_read_whole_in_stretches,
            person::an_account_that_ended_is_found_by_nothing_and_leaves_its_words,
            person::the_last_administrator_stays_also_when_two_go_at_once,
            person::what_is_still_to_go_is_known_until_it_is_gone,
            search::what_was_answered_is_found_before_and_after_it_is_indexed,
            search::what_is_changed_is_found_by_the_words_that_stand,
            search::pages_go_down_and_stay_within_the_room,
            search::every_text_is_a_query,
            search::many_rooms_share_a_step_and_what_is_left_is_told,
            search::a_search_finds_what_reading_everything_would,
            entries::a_line_reads_back_as_it_was_written,
            entries::lines_are_listed_newest_first_and_page_without_gaps,
            entries::lines_are_found_by_room_user_and_outcome_together,
            entries::a_batch_given_twice_is_there_once,
            entries::the_oldest_lines_go_in_small_batches_and_the_newest_stay,
            entries::outcomes_are_counted_in_spans_of_time,
        }
    };
    (events: $telling:expr) => {
        storage_contract! { @each $telling;
            events::each_fact_leaves_one_event_in_its_order,
            events::stays_that_end_together_are_told_each,
            events::what_changes_nothing_tells_nothing,
            events::what_was_undone_tells_nothing,
            events::messages_are_told_in_the_order_of_their_numbers,
            events::no_event_carries_a_secret,
            events::an_event_stays_as_it_is_until_it_is_forgotten,
        }
    };
    (@each $fresh:expr; $($area:ident :: $promise:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $promise() {
            let fresh = $fresh;
            $crate::storage::contract::$area::$promise(fresh.store()).await;
        }
    )*};
}
pub(crate) use storage_contract;

/// Some instant, in wall-clock milliseconds.
pub(crate) const NOW: i64 = 1_763_712_000_000;

pub(crate) fn new_user(name: &str) -> NewUser {
    NewUser {
        id: UserId(Uuid::now_v7()),
        username: name.to_owned(),
        username_folded: name.to_lowercase(),
        display_name: format!("{name} 님"),
        password_hash: Some("$argon2id$of-the-contract".to_owned()),
        password_expires_at: Some(NOW + 1),
        expires_at: Some(NOW + 2),
        contact_number: Some("+82 2 000".to_owned()),
        roles: vec![Role::Moderator, Role::User],
        created_at: NOW,
    }
}

pub(crate) async fn user(store: &dyn Storage, name: &str) -> UserId {
    store.create_user(new_user(name)).await.unwrap().unwrap().id
}

pub(crate) fn token(mark: u8) -> TokenFacts {
    TokenFacts {
        signature_hash: [mark; 32],
        jti: Uuid::from_bytes([mark; 16]),
        issued_at: NOW / 1000,
        expires_at: NOW / 1000 + 1800,
    }
}

pub(crate) fn login(user: UserId, mark: u8) -> LoginRecord {
    LoginRecord {
        id: LoginId(Uuid::now_v7()),
        user,
        current: token(mark),
        previous: None,
        created_at: NOW,
    }
}

pub(crate) fn new_room(owner: UserId) -> NewRoom {
    NewRoom {
        name: "상담실 A".to_owned(),
        capacity: 30,
        staff_seats: 2,
        visibility: Visibility::Unlisted,
        key: Some("the-key".to_owned()),
        password_hash: Some("$argon2id$of-the-room".to_owned()),
        lifetime: Lifetime::UntilEmpty,
        owner,
        created_at: NOW,
        pending_until: NOW + 120_000,
    }
}

pub(crate) fn stay(room: RoomId, user: UserId, epoch: u64, n: u64) -> NewMembership {
    NewMembership { room, user, generation: Generation { epoch, n }, at: NOW + 5 }
}

/// A room that its owner has entered under generation 1.1.
pub(crate) async fn open_room(store: &dyn Storage, owner: UserId) -> RoomId {
    let room = store.queue_room(new_room(owner)).await.unwrap().id;
    assert_eq!(store.enter(stay(room, owner, 1, 1)).await.unwrap(), Entered::Opened);
    room
}

pub(crate) fn said(room: RoomId, sender: UserId, client_id: &str) -> NewMessage {
    NewMessage {
        id: MessageId(Uuid::now_v7()),
        room,
        sender: Some(sender),
        client_id: Some(client_id.to_owned()),
        kind: MessageKind::Text,
        content_type: TEXT_PLAIN.to_owned(),
        content: format!("안녕 {client_id}"),
        reply_to: None,
        created_at: NOW,
    }
}

/// A message that a node's life queued after something else its sender said.
pub(crate) fn queued(message: NewMessage, origin: Owner, after: Option<&str>) -> NewRecord {
    NewRecord::Queued(QueuedMessage { message, origin, after: after.map(str::to_owned) })
}
