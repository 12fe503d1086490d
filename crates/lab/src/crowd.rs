//! Who takes part: guests signed in ahead of the measurement, and the room they go to.

use anteroom_client::protocol::room::{CreateRoom, Seats};
use anteroom_client::{Account, Client, ConfirmOptions};
use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};

/// Signs in `count` guests, at most `concurrency` at a time.
pub(crate) async fn guests(
    client: &Client,
    count: usize,
    concurrency: usize,
) -> Result<Vec<Account>> {
    stream::iter(0..count)
        .map(|n| async move { client.guest(&format!("Guest {n}")).await })
        .buffer_unordered(concurrency.max(1))
        .try_collect()
        .await
        .context("signing in guests (are guests on and limits off?)")
}

/// An open, empty room, and the host who made it by entering and leaving once.
pub(crate) struct Venue {
    pub(crate) host: Account,
    pub(crate) room: i64,
    pub(crate) capacity: u32,
}

impl Venue {
    pub(crate) async fn open(client: &Client, name: &str, capacity: usize) -> Result<Self> {
        let capacity = u32::try_from(capacity)?;
        let host = client.guest("Host").await.context("signing in the host")?;
        let wanted = CreateRoom { name: name.into(), capacity, ..CreateRoom::default() };
        let created = host.create_room(&wanted).await.context("creating the room")?;
        let session = host.confirm(&created.reservation, ConfirmOptions::default()).await?;
        session.leave().await.context("leaving as the host")?;
        Ok(Self { host, room: created.room.id, capacity })
    }

    pub(crate) async fn seats(&self) -> Result<Seats> {
        Ok(self.host.room(self.room).await?.seats)
    }
}
