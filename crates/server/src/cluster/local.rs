//! One node alone: there is nobody to tell.

use anteroom_core::ids::RoomId;
use async_trait::async_trait;
use bytes::Bytes;

use super::{Away, Bus, News};

/// The bus of one node alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Local;

#[async_trait]
impl Bus for Local {
    fn is_shared(&self) -> bool {
        false
    }

    fn is_up(&self) -> bool {
        true
    }

    fn tell(&self, _: News) {}

    fn publish(&self, _: RoomId, _: &[(i64, Bytes)]) {}

    async fn attend(&self, _: RoomId) -> Result<(), Away> {
        Ok(())
    }

    async fn leave(&self, _: RoomId) {}
}
