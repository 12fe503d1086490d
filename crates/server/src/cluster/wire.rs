//! How nodes write what they tell each other, whatever carries it: who says it, then what.

use anteroom_core::ids::RoomId;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use uuid::Uuid;

use super::{Heard, News, Numbered};

/// A piece of news of the life `me` of a node.
pub(super) fn news(me: Uuid, news: &News) -> Bytes {
    let mut bytes = me.as_bytes().to_vec();
    // News always serialises.
    bytes.extend(serde_json::to_vec(news).unwrap_or_default());
    bytes.into()
}

/// Frames of a room: who says it, then of each frame its number, its length and its bytes.
pub(super) fn batch(me: Uuid, frames: &[(i64, Bytes)]) -> Bytes {
    let length = frames.iter().map(|(_, frame)| 12 + frame.len()).sum::<usize>();
    let mut bytes = BytesMut::with_capacity(16 + length);
    bytes.extend_from_slice(me.as_bytes());
    for (seq, frame) in frames {
        bytes.put_i64(*seq);
        bytes.put_u32(frame.len() as u32);
        bytes.extend_from_slice(frame);
    }
    bytes.freeze()
}

/// Who says it, and what; `None` for what `me` said itself, and for what nobody here can read. What comes
/// by way of a room is frames, everything else is news.
pub(super) fn read(me: Uuid, room: Option<RoomId>, mut bytes: Bytes) -> Option<(Uuid, Heard)> {
    if bytes.len() < 16 {
        return None;
    }
    let from = Uuid::from_slice(&bytes.split_to(16)).ok()?;
    if from == me {
        return None;
    }
    if let Some(room) = room {
        return Some((from, Heard::Published(room, frames(bytes)?)));
    }
    match serde_json::from_slice(&bytes) {
        Ok(News::Silence) => Some((from, Heard::Missed)),
        Ok(news) => Some((from, Heard::News(news))),
        Err(error) => {
            tracing::debug!(event = "bus.unreadable", %error, "news of another version");
            None
        }
    }
}

fn frames(mut bytes: Bytes) -> Option<Numbered> {
    let mut frames = Numbered::new();
    while !bytes.is_empty() {
        if bytes.len() < 12 {
            return None;
        }
        let (seq, length) = (bytes.get_i64(), bytes.get_u32() as usize);
        if bytes.len() < length {
            return None;
        }
        frames.push((seq, bytes.split_to(length)));
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Uuid = Uuid::from_u128(7);
    const OTHER: Uuid = Uuid::from_u128(8);
    const ROOM: Option<RoomId> = Some(RoomId(42));

    #[test]
    fn a_batch_is_read_as_it_was_written_and_half_of_one_is_nothing() {
        let frames = vec![(3, Bytes::from_static(b"three")), (4, Bytes::new())];
        let bytes = batch(OTHER, &frames);
        assert_eq!(&bytes[..16], OTHER.as_bytes());
        let whole = Heard::Published(RoomId(42), frames);
        assert_eq!(read(ME, ROOM, bytes.clone()), Some((OTHER, whole)));
        let (empty, first_ends) = (16, 16 + 12 + 5);
        for cut in (0..bytes.len()).filter(|cut| ![empty, first_ends].contains(cut)) {
            assert_eq!(read(ME, ROOM, bytes.slice(..cut)), None, "{cut}");
        }
    }

    /// What a node reads that was made before news had a cause.
    #[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
    #[serde(tag = "news", rename_all = "snake_case")]
    enum OlderNews {
        Ended { sessions: Vec<Uuid>, status: u16 },
    }

    #[test]
    fn nodes_that_know_of_traces_and_nodes_that_do_not_understand_each_other() {
        let trace = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
        let sessions = vec![ME];
        let ours = News::Ended { sessions: sessions.clone(), status: 4409, trace };
        assert_eq!(read(ME, None, news(OTHER, &ours)), Some((OTHER, Heard::News(ours.clone()))));
        let older = OlderNews::Ended { sessions: sessions.clone(), status: 4409 };
        assert_eq!(serde_json::from_slice::<OlderNews>(&news(OTHER, &ours)[16..]).unwrap(), older);
        let theirs = [OTHER.as_bytes(), &*serde_json::to_vec(&older).unwrap()].concat();
        let untraced = News::Ended { sessions, status: 4409, trace: None };
        assert_eq!(
            read(ME, None, news(OTHER, &untraced)).unwrap().1,
            Heard::News(untraced.clone())
        );
        assert_eq!(news(OTHER, &untraced), theirs, "nothing more is said where nothing is traced");
    }

    #[test]
    fn nobody_hears_what_it_said_itself_and_silence_is_something_missed() {
        let said = News::Room { room: 1 };
        assert_eq!(read(ME, None, news(ME, &said)), None);
        assert_eq!(read(ME, None, news(OTHER, &said)), Some((OTHER, Heard::News(said))));
        assert_eq!(read(ME, None, news(OTHER, &News::Silence)), Some((OTHER, Heard::Missed)));
        assert_eq!(read(ME, None, Bytes::from_static(b"0123456789abcdef?")), None);
    }
}
