//! The ways in which a reservation is decided, as they are written in the configuration.

use serde::{Deserialize, Serialize};

/// How a reservation is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// In memory; each slot owns a permit.
    #[default]
    Semaphore,
    /// In SQL; a transaction that succeeds only while a place is free.
    Conditional,
    /// In Redis; scripts on one primary.
    Redis,
    /// For experiments: nothing keeps two decisions apart.
    #[cfg(feature = "baselines")]
    BaselineUnlocked,
    /// For experiments: one lock for all rooms.
    #[cfg(feature = "baselines")]
    BaselineGlobalLock,
    /// For experiments: the same, in the order of asking.
    #[cfg(feature = "baselines")]
    BaselineGlobalLockFair,
    /// For experiments: a lock per room.
    #[cfg(feature = "baselines")]
    BaselineRoomLock,
    /// For experiments: the same, in the order of asking.
    #[cfg(feature = "baselines")]
    BaselineRoomLockFair,
}

impl Strategy {
    /// As it is written in the configuration and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Semaphore => "semaphore",
            Self::Conditional => "conditional",
            Self::Redis => "redis",
            #[cfg(feature = "baselines")]
            Self::BaselineUnlocked => "baseline_unlocked",
            #[cfg(feature = "baselines")]
            Self::BaselineGlobalLock => "baseline_global_lock",
            #[cfg(feature = "baselines")]
            Self::BaselineGlobalLockFair => "baseline_global_lock_fair",
            #[cfg(feature = "baselines")]
            Self::BaselineRoomLock => "baseline_room_lock",
            #[cfg(feature = "baselines")]
            Self::BaselineRoomLockFair => "baseline_room_lock_fair",
        }
    }
}
