//! Drives the real server process over real HTTP and WebSocket.
//!
//! One binary, so that everything links once; each module is one subject. [`harness`] starts
//! servers, reads their log as a journal of events and lends people who enter rooms. Nothing here
//! is faked and nothing waits for time to pass: a test waits for the event it is about.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test where it stands"
)]

mod harness;

mod accounts;
mod admin;
mod admin_api;
mod admin_audit;
mod admin_pages;
mod admin_tables;
mod asvs;
mod attacks;
mod backup;
mod bad_frames;
mod bad_input;
mod bounds;
mod bugs;
mod changes;
mod chat;
mod chat_command;
mod commands;
mod compose;
mod conformance;
mod countdown;
mod crowds;
mod dashboards;
mod deadlines;
mod dependencies;
mod direct;
mod disk_full;
mod documents;
mod durability;
mod entering;
mod entry_log;
mod events;
mod faults;
mod guards;
mod half_open;
mod history;
mod keeping;
mod last_words;
mod layers;
mod leaving;
mod ledgers;
mod line_order;
mod metrics;
mod nodes;
mod nodes_apart;
mod nodes_broker;
mod nodes_gaps;
mod nodes_storm;
mod nodes_spans;
mod own_data;
mod pages;
mod party;
mod passing;
mod policies;
mod postgres;
mod power;
mod presence_storm;
mod proofs;
mod queued;
mod races;
mod rates;
mod readers;
mod redis_seats;
mod refresh;
mod reload;
mod room_settings;
mod rooms;
mod scn_entry;
mod search;
mod seats_kept;
mod sockjs;
mod sockjs_ends;
mod sockjs_strangers;
mod soak;
mod spans;
mod staff_seats;
mod store_locked;
mod talk;
mod tls;
mod tls_clients;
mod tokens;
mod transcripts;
mod unlisted;
mod waitlist;
mod waitlist_ends;
mod windows;
