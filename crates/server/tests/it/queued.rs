//! Messages that go through the broker: what is acknowledged is stored, once and in order, whatever happens
//! to the broker, to the lines to it, and to the nodes.

mod beside;
mod broken;

use anteroom_protocol::frame::{ClientFrame, Send};

use crate::harness::{Nodes, Rabbit, Settings, TestServer, next_message, within};
use crate::talk::Talk;

/// Nodes whose messages go through a broker.
struct Stand {
    nodes: Nodes,
    /// A node that comes later has the settings of the others.
    settings: Vec<(&'static str, String)>,
    prefix: String,
}

impl Stand {
    async fn on(rabbit: &Rabbit, count: u32) -> Self {
        Self::over(&rabbit.url(), &rabbit.prefix(), count).await
    }

    async fn over(url: &str, prefix: &str, count: u32) -> Self {
        let settings = vec![
            ("messages.pipeline", "queued".to_owned()),
            ("rabbitmq.url", url.to_owned()),
            ("rabbitmq.prefix", prefix.to_owned()),
        ];
        let nodes = Nodes::start(count, |given| apply(&settings, given)).await;
        Self { nodes, settings, prefix: prefix.to_owned() }
    }

    /// One more, with settings of its own beside those of all.
    async fn add(&mut self, change: impl Fn(&mut Settings)) {
        let settings = &self.settings;
        self.nodes
            .add(|given| {
                apply(settings, given);
                change(given);
            })
            .await;
    }
}

fn apply(settings: &[(&'static str, String)], given: &mut Settings) {
    for (name, value) in settings {
        given.set(name, value);
    }
}

#[tokio::test]
async fn what_is_said_on_every_node_is_stored_once_and_in_order() {
    let stand = Stand::on(Rabbit::shared(), 3).await;
    let mut talk = Talk::between(&stand.nodes, &[0, 1, 2]).await.acks_come_first();
    talk.go(150, async {}).await;
    talk.check(&stand.nodes).await;
    for node in &stand.nodes.nodes {
        let queued = node.metrics().await;
        assert_eq!(queued.value(r#"anteroom_messages_queued_total{outcome="fell_back"}"#), 0.0);
        assert_eq!(queued.value(r#"anteroom_messages_queued_total{outcome="stored"}"#), 150.0);
    }
}

#[tokio::test]
async fn a_message_said_again_is_stored_once_and_edits_follow_what_was_acknowledged() {
    let stand = Stand::on(Rabbit::shared(), 2).await;
    let mut talk = Talk::between(&stand.nodes, &[0, 1]).await;
    for session in talk.sessions() {
        let first = within("an ack", session.send_as("one", "first")).await.unwrap();
        let again = within("an ack", session.send_as("one", "other words")).await.unwrap();
        assert_eq!((first.id, first.seq), (again.id, again.seq));
        let edited = within("an edit", session.edit(first.id, "edited")).await.unwrap();
        assert!(edited.seq > first.seq);
        within("a delete", session.delete(first.id)).await.unwrap();
    }
    assert_eq!(stand.nodes.stored("SELECT count(*) FROM messages"), "2");
}

#[tokio::test]
async fn one_node_alone_queues_on_its_file_too() {
    let rabbit = Rabbit::shared();
    let mut server = TestServer::start(|settings| {
        settings
            .set("messages.pipeline", "queued")
            .set("messages.shards", 2)
            .set("rabbitmq.url", rabbit.url())
            .set("rabbitmq.prefix", rabbit.prefix());
    })
    .await;
    let owner = server.user("owner").await;
    let (_, mut session) = server.room(&owner, 10).await;
    for seq in 1..=20 {
        let ack = within("an ack", session.send("word")).await.unwrap();
        assert_eq!(ack.seq, seq);
    }
    let reply = Send {
        client_id: "reply".into(),
        content: "to that".into(),
        content_type: None,
        reply_to: Some(20),
    };
    session.send_frame(&ClientFrame::Send(reply)).await.unwrap();
    let told = loop {
        let message = next_message(&mut session).await;
        if message.seq == 21 {
            break message;
        }
    };
    assert_eq!(told.reply_to, Some(20), "told with all that was said");
    assert_eq!(server.rows("messages WHERE seq = 21 AND reply_to = 20", &[]), 1);
    let queued = server.metrics().await;
    assert_eq!(queued.value(r#"anteroom_messages_queued_total{outcome="stored"}"#), 21.0);
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_words() {
    let says = TestServer::refused_to_start(|settings| {
        settings.set("messages.pipeline", "queued");
    });
    assert!(says.await.contains("needs rabbitmq.url"));
    let says = TestServer::refused_to_start(|settings| {
        settings.set("rabbitmq.events", true);
    });
    assert!(says.await.contains("needs rabbitmq.url"));
    let says = TestServer::refused_to_start(|settings| {
        settings.set("messages.shards", 0);
    });
    assert!(says.await.contains("messages.shards must be from 1"));
}
