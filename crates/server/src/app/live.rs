//! What a reload replaces while the server runs.
//!
//! A reload is all or nothing: the new configuration is read and judged whole, the certificate is read, and only
//! then is anything replaced. What cannot be replaced waits for the next start, and is named.

use std::sync::{Arc, Mutex, PoisonError};

use super::{App, parts};
use crate::config::{self, Changes, Config, Limits, Network, Overrides};
use crate::http::tls::Tls;
use crate::telemetry;

/// Settings that request handlers read anew each time.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) limits: Limits,
    pub(crate) guests: bool,
    pub(crate) allowed_origins: Vec<String>,
    pub(super) trusted_proxies: Vec<Network>,
}

impl Live {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            limits: config.limits.clone(),
            guests: config.auth.guests,
            allowed_origins: config.server.allowed_origins.clone(),
            trusted_proxies: config.server.trusted_proxies.clone(),
        }
    }
}

/// Where the settings came from, and which are in force.
pub(crate) struct Source {
    overrides: Overrides,
    in_force: Mutex<Config>,
    pub(super) tls: Option<Tls>,
}

impl Source {
    pub(super) fn new(config: &Config, overrides: Overrides, tls: Option<Tls>) -> Self {
        Self { overrides, in_force: Mutex::new(config.clone()), tls }
    }
}

impl App {
    /// Reads the settings again and takes over what can be taken over.
    ///
    /// # Errors
    /// They cannot be used, in words: everything stays as it was.
    pub(crate) async fn reload(self: &Arc<Self>) -> anyhow::Result<Changes> {
        // What is read may lie on a disk that does not answer: nobody else is to wait for it.
        let app = Arc::clone(self);
        tokio::task::spawn_blocking(move || app.read_again()).await?
    }

    fn read_again(&self) -> anyhow::Result<Changes> {
        // One at a time; and what is in force is what was taken over last.
        let mut in_force = self.source.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        let told = self.take_over(&mut in_force);
        match &told {
            Ok(Changes { taken, waiting }) => tracing::info!(
                event = "config.reloaded",
                taken = taken.join(" "),
                waiting = waiting.join(" "),
                "the settings were read again; those that wait need a restart"
            ),
            Err(error) => tracing::error!(
                event = "config.not_reloaded",
                error = format!("{error:#}"),
                "the settings cannot be used; everything stays as it was"
            ),
        }
        told
    }

    /// Sets every bound on how often; what was counted stays counted.
    pub(super) fn bind(&self, limits: &Limits) {
        self.rates.set(limits);
        self.searches.set_max(limits.bound(limits.searches_per_user));
        self.people.exports.set_max(limits.bound(limits.exports_per_user));
        self.people.newcomers.set_max(limits.bound(limits.signups_per_address));
        self.entry.wrong_passwords.set_max(limits.bound(limits.room_password_failures));
        self.entry.bad_proofs.set_max(limits.bound(limits.bad_proofs));
        self.people.accounts.set_failures(limits.login_failures);
    }

    fn take_over(&self, in_force: &mut Config) -> anyhow::Result<Changes> {
        let asked = config::load(&self.source.overrides)?;
        let changes = config::changes(in_force, &asked)?;
        let new = in_force.taking(&asked)?;
        // Together with what waits it may not be usable, although `asked` is.
        new.check()?;
        let renewed = match &self.source.tls {
            Some(tls) => Some((tls, tls.read_again(&new.tls)?)),
            None => None,
        };
        // The last step that can fail.
        telemetry::set_level(&new.log)?;
        if let Some((tls, key)) = renewed {
            tls.take(key);
        }
        self.bind(&new.limits);
        self.people.accounts.take_guests(new.auth.guests);
        self.connections.bounds.store(Arc::new(parts::connections(&new)));
        self.keep.send_if_modified(|keep| {
            let new = new.messages.keep.0;
            std::mem::replace(keep, new) != new
        });
        self.live.store(Arc::new(Live::of(&new)));
        *in_force = new;
        Ok(changes)
    }
}
