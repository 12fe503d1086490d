//! `anteroom smoke`: a whole server in a directory of its own, two people, a word, and the end. Says what it did.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anteroom_client::protocol::room::CreateRoom;
use anteroom_client::{Client, Event, Session};
use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::config::{Config, Overrides};
use crate::run;

/// Everything together takes well under a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// Plays it on the embedded defaults, whatever the settings are.
pub(super) async fn smoke() -> anyhow::Result<ExitCode> {
    let place = Place::make()?;
    let mut config = Config::default();
    config.server.data_dir.clone_from(&place.0);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let ((ready, is_ready), (stop, stopped)) = (oneshot::channel(), oneshot::channel::<()>());
    let shutdown = async {
        // Dropped is as good as told.
        let _ = stopped.await;
    };
    let ready = move || {
        let _ = ready.send(());
    };
    let serving = run((config, Overrides::default()), listener, shutdown, ready);
    let playing = async move {
        is_ready.await.context("the server did not start")?;
        println!("started on {base}");
        let played = tokio::time::timeout(PATIENCE, play(&base)).await;
        drop(stop);
        played.context("it took too long")?
    };
    let (served, played) = tokio::join!(serving, playing);
    served?;
    played?;
    println!("stopped; everything works");
    Ok(ExitCode::SUCCESS)
}

async fn play(base: &str) -> anyhow::Result<()> {
    let client = Client::new(base)?;
    let (host, visitor) = (client.guest("Host").await?, client.guest("Visitor").await?);
    let wish: CreateRoom = serde_json::from_str(r#"{"name": "Smoke", "capacity": 2}"#)?;
    let room = host.create_room(&wish).await?.room.id;
    println!("made room {room} for two");
    let (mut first, mut second) = (host.enter(room).await?, visitor.enter(room).await?);
    println!("two people entered");
    let refused = client.guest("Third").await?.enter(room).await;
    anyhow::ensure!(refused.is_err(), "a third one came into a room for two");
    println!("a third one was refused");
    let said = first.send("Is anybody there?").await?;
    let heard = heard(&mut second).await?;
    anyhow::ensure!(heard == said.id, "another message arrived than was sent");
    println!("a message was stored, acknowledged and delivered");
    first.leave().await?;
    second.leave().await?;
    println!("both left");
    Ok(())
}

/// The next message.
async fn heard(session: &mut Session) -> anyhow::Result<Uuid> {
    while let Some(event) = session.next().await {
        if let Event::Frame(frame) = event
            && let anteroom_client::protocol::frame::ServerFrame::Message(message) = frame
        {
            return Ok(message.id);
        }
    }
    anyhow::bail!("the session ended before the message came")
}

/// A directory that goes with this value.
struct Place(PathBuf);

impl Place {
    fn make() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("anteroom-smoke-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left of it is no more than a few files in a temporary directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
