//! `anteroom room …`: the rooms of the server that runs on this data directory.

use std::process::ExitCode;

use anteroom_protocol::page::Page;
use anteroom_protocol::room::Room;
use clap::Subcommand;
use reqwest::Method;

use super::remote::Remote;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum RoomCommand {
    /// Print the open public rooms, one a line: number, taken seats, capacity, people in line, name.
    List,
    /// Close a room for good; everybody in it is told.
    Close {
        /// Its number.
        room: i64,
    },
    /// Take somebody out of a room.
    Kick {
        /// Its number.
        room: i64,
        /// The user name.
        username: String,
        /// For good.
        #[arg(long)]
        ban: bool,
    },
}

/// Has the running server do it.
pub(super) async fn run(config: &Config, command: RoomCommand) -> anyhow::Result<ExitCode> {
    let server = Remote::needed(config).await?;
    match command {
        RoomCommand::List => list(&server).await?,
        RoomCommand::Close { room } => {
            server.api(Method::DELETE, &format!("/rooms/{room}"), None).await?;
            println!("room {room} is closed");
        }
        RoomCommand::Kick { room, username, ban } => {
            let user = server.user(&username).await?;
            let path = format!("/rooms/{room}/members/{}?ban={ban}", user.id);
            server.api(Method::DELETE, &path, None).await?;
            println!("{username} is out of room {room}{}", if ban { " for good" } else { "" });
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(server: &Remote) -> anyhow::Result<()> {
    let mut cursor = String::new();
    loop {
        let path = format!("/rooms?sort=name&limit=200{cursor}");
        let page: Page<Room> = serde_json::from_value(server.api(Method::GET, &path, None).await?)?;
        for room in page.items {
            let seats = &room.seats;
            let taken = seats.occupied + seats.held + seats.reserved;
            println!("{}\t{taken}\t{}\t{}\t{}", room.id, room.capacity, seats.waiting, room.name);
        }
        let Some(next) = page.next_cursor else { return Ok(()) };
        cursor = format!("&cursor={next}");
    }
}
