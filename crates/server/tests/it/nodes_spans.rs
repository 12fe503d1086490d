//! What a collector of traces is told of several nodes: one trace, whichever of them did what.

use anteroom_client::ConfirmOptions;
use anteroom_protocol::entry::Reserve;

use crate::harness::{Collector, Nodes, Seen, alive, ended, next_message};

#[tokio::test]
async fn an_entry_over_two_nodes_is_one_trace_and_so_is_a_takeover_that_ends_a_session_elsewhere() {
    let collector = Collector::start().await;
    let nodes = Nodes::start(2, |cfg| collector.is_known_to(cfg)).await;
    let (room, _owner) = nodes.nodes[0].room(&nodes.nodes[0].user("owner").await, 3).await;
    let at_a = nodes.nodes[0].user("user").await;
    let first = at_a.reserve(room, &Reserve::default()).await.unwrap();
    let at_b = nodes.nodes[1].client();
    let older = at_b.confirm_ticket(&first.ticket, ConfirmOptions::default());
    let mut older = older.await.unwrap();
    alive(&mut older).await;
    let second = at_a.reserve(room, &Reserve::default()).await.unwrap();
    assert!(second.seat.takeover);
    let mut newer = at_a.confirm(&second, ConfirmOptions::default()).await.unwrap();
    assert_eq!(ended(&mut older).await.1.code, 4409);
    alive(&mut newer).await;

    let is_of = |it: &Seen, generation: &str| {
        it.says("anteroom.seat.generation") == generation
            && it.says("anteroom.room_id") == room.to_string()
    };
    let (one, two) = (&first.seat.generation, &second.seat.generation);
    let is_told = |all: &[Seen]| {
        all.iter().any(|it| it.is("anteroom.session.close") && is_of(it, one))
            && all.iter().any(|it| it.is("anteroom.session.end"))
            && all.iter().any(|it| it.is("anteroom.entry.confirm") && is_of(it, two))
    };
    let seen = collector.when("a takeover", is_told).await;
    let found = |name: &str, generation: &str| -> &Seen {
        let found = seen.iter().find(|it| it.is(name) && is_of(it, generation));
        found.unwrap_or_else(|| panic!("{name} {generation}: {seen:#?}"))
    };
    // The first entry: asked for at A, confirmed and ended at B.
    let reserve = found("POST /api/v1/rooms/{room}/reservations", one);
    let confirm = found("anteroom.entry.confirm", one);
    let close = found("anteroom.session.close", one);
    assert_eq!((reserve.node, confirm.node, close.node), (1, 2, 2));
    assert_eq!((confirm.parent(), close.parent()), (reserve.id(), reserve.id()));
    assert_eq!((confirm.trace(), close.trace()), (reserve.trace(), reserve.trace()));
    assert_eq!(close.says("anteroom.close_code"), "4409");
    // The takeover: all of it at A, but what it ended at B.
    let takeover = found("anteroom.entry.confirm", two);
    let end = found("anteroom.session.end", one);
    assert_eq!((takeover.node, takeover.says("anteroom.outcome")), (1, "takeover".to_owned()));
    assert_eq!((end.node, end.trace(), end.parent()), (2, takeover.trace(), takeover.id()));
    assert_eq!(end.links(), [(reserve.trace(), reserve.id())], "the entry that ended by it");
    assert_ne!(takeover.trace(), reserve.trace());
}

#[tokio::test]
async fn a_message_is_one_trace_on_every_node_that_passes_it_on() {
    let collector = Collector::start().await;
    let nodes = Nodes::start(2, |cfg| collector.is_known_to(cfg)).await;
    let (room, mut at_a) = nodes.nodes[0].room(&nodes.nodes[0].user("owner").await, 3).await;
    let mut at_b = nodes.nodes[1].user("guest").await.enter(room).await.unwrap();
    alive(&mut at_a).await;
    next_message(&mut at_b).await;
    let sent = collector.span("anteroom.message.send", room).await;
    let is_its = |it: &&Seen| it.trace() == sent.trace();
    let all = |seen: &[Seen]| seen.iter().filter(is_its).count() >= 5;
    let seen = collector.when("every node's part", all).await;
    let parts = seen.iter().filter(is_its).filter(|it| it.id() != sent.id());
    let mut parts: Vec<(i64, &str)> = parts
        .map(|it| {
            assert_eq!(it.parent(), sent.id(), "{it:?}");
            (it.node, it.span.name.as_str())
        })
        .collect();
    parts.sort_unstable();
    let expected = [
        (1, "anteroom.message.commit"),
        (1, "anteroom.message.deliver"),
        (1, "anteroom.message.publish"),
        (2, "anteroom.message.deliver"),
    ];
    assert_eq!(parts, expected);
}
