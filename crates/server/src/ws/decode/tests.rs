//! One test or more per group of the Autobahn suite. Each stream is fed whole, byte by byte and at
//! many other cuts; `outcome` asserts that all of them agree.

mod any_bytes;
mod stream;

use std::iter::repeat_n;

use super::*;
use crate::ws::frame;
use stream::{
    CONTINUATION_OF, FIN, LIMITS, binary, client_frame, close, header_only, outcome, outcome_under,
    ping, pong, text,
};

const BINARY: u8 = 0x2;
const TEXT: u8 = 0x1;

fn events(parts: &[Vec<u8>]) -> Vec<Event> {
    let (events, violation) = outcome(&parts.concat());
    assert_eq!(violation, None, "after {events:?}");
    events
}

fn violation(parts: &[Vec<u8>]) -> Violation {
    let (events, violation) = outcome(&parts.concat());
    violation.unwrap_or_else(|| panic!("accepted as {events:?}"))
}

fn fragments(opcode: u8, parts: &[&[u8]]) -> Vec<Vec<u8>> {
    let last = parts.len() - 1;
    parts
        .iter()
        .enumerate()
        .map(|(n, part)| {
            let first = if n == 0 { opcode } else { CONTINUATION_OF };
            client_frame(if n == last { FIN | first } else { first }, part)
        })
        .collect()
}

// 1: framing

#[test]
fn messages_of_every_header_size_arrive_whole() {
    for len in [0, 1, 125, 126, 127, 128, 65_535, 65_536] {
        let payload = "*".repeat(len);
        let frames = [client_frame(FIN | TEXT, payload.as_bytes()), ping(b"")];
        assert_eq!(events(&frames), [text(&payload), Event::Ping(Bytes::new())], "{len} bytes");

        let payload: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let frames = [client_frame(FIN | BINARY, &payload)];
        assert_eq!(events(&frames), [binary(&payload)], "{len} bytes");
    }
}

#[test]
fn an_unfragmented_payload_is_not_copied() {
    let mut buf = BytesMut::from(&client_frame(FIN | TEXT, b"where it came")[..]);
    let payload_at = buf[6..].as_ptr();
    let event = Decoder::new(LIMITS).decode(&mut buf).unwrap();
    let Some(Event::Text(received)) = event else { panic!("{event:?}") };
    assert_eq!(received.as_str(), "where it came");
    assert_eq!(received.as_bytes().as_ptr(), payload_at);
}

#[test]
fn an_unmasked_frame_is_refused() {
    let refused = violation(&[frame::text(b"from a server").to_vec()]);
    assert_eq!((refused, refused.close_code()), (Violation::Unmasked, 1002));
}

#[test]
fn a_length_longer_than_needed_is_refused() {
    let too_wide: [&[u8]; 4] = [
        &[0x82, 0x80 | 126, 0, 0],
        &[0x82, 0x80 | 126, 0, 125],
        &[0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 1],
        &[0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
    ];
    for header in too_wide {
        let refused = violation(&[header.to_vec()]);
        assert_eq!((refused, refused.close_code()), (Violation::LengthNotMinimal, 1002));
    }
}

// 2: pings and pongs

#[test]
fn pings_arrive_with_their_payload_up_to_125_bytes() {
    let payloads: [&[u8]; 4] = [b"", b"Hello, world!", &[0x00, 0xFF, 0xFE, 0x80], &[0xFE; 125]];
    for payload in payloads {
        let expected = Event::Ping(Bytes::copy_from_slice(payload));
        assert_eq!(events(&[ping(payload)]), [expected]);
    }
    let many: Vec<_> = (0..10u8).map(|n| ping(&[n])).collect();
    let expected: Vec<_> = (0..10u8).map(|n| Event::Ping(Bytes::from(vec![n]))).collect();
    assert_eq!(events(&many), expected);
}

#[test]
fn unasked_pongs_are_events_that_disturb_nothing() {
    let frames = [pong(b"unasked"), ping(b"asked")];
    let expected =
        [Event::Pong(Bytes::from_static(b"unasked")), Event::Ping(Bytes::from_static(b"asked"))];
    assert_eq!(events(&frames), expected);
}

#[test]
fn a_control_frame_over_125_bytes_is_refused() {
    for opcode in [0x8, 0x9, 0xA] {
        let refused = violation(&[client_frame(FIN | opcode, &[0xFE; 126])]);
        assert_eq!((refused, refused.close_code()), (Violation::OversizedControl, 1002));
    }
}

// 3: reserved bits

#[test]
fn reserved_bits_are_refused_on_every_opcode() {
    for bits in 1..=7u8 {
        for opcode in [0x1, 0x2, 0x8, 0x9, 0xA] {
            let sound = client_frame(FIN | TEXT, b"before");
            let marked = client_frame(FIN | bits << 4 | opcode, b"");
            let (events, refused) = outcome(&[sound, marked].concat());
            assert_eq!(events, [text("before")]);
            assert_eq!(refused, Some(Violation::ReservedBits), "bits {bits} opcode {opcode}");
        }
    }
    assert_eq!(Violation::ReservedBits.close_code(), 1002);
}

// 4: opcodes

#[test]
fn reserved_opcodes_are_refused() {
    for opcode in (3..=7).chain(11..=15) {
        for payload in [&b""[..], b"reserved"] {
            let refused = violation(&[client_frame(FIN | opcode, payload)]);
            assert_eq!((refused, refused.close_code()), (Violation::ReservedOpcode, 1002));
        }
    }
}

// 5: fragmentation

#[test]
fn fragments_become_one_message_with_control_frames_between() {
    let parts = fragments(TEXT, &[b"frag", b"", b"men", b"ts"]);
    assert_eq!(events(&parts), [text("fragments")]);

    let mut interleaved = parts.clone();
    interleaved.insert(1, ping(b"one"));
    interleaved.insert(3, pong(b"two"));
    let expected = [
        Event::Ping(Bytes::from_static(b"one")),
        Event::Pong(Bytes::from_static(b"two")),
        text("fragments"),
    ];
    assert_eq!(events(&interleaved), expected);

    let parts = fragments(BINARY, &[&[0xFF], &[0x00, 0x80], b""]);
    assert_eq!(events(&parts), [binary(&[0xFF, 0x00, 0x80])]);
}

#[test]
fn a_fragmented_control_frame_is_refused() {
    for opcode in [0x8, 0x9, 0xA] {
        let refused = violation(&[client_frame(opcode, b"")]);
        assert_eq!((refused, refused.close_code()), (Violation::FragmentedControl, 1002));
    }
}

#[test]
fn a_continuation_of_nothing_is_refused() {
    let whole = client_frame(FIN | TEXT, b"whole");
    for flags in [0, FIN] {
        let stray = client_frame(flags | CONTINUATION_OF, b"stray");
        let refused = violation(&[whole.clone(), stray.clone()]);
        assert_eq!((refused, refused.close_code()), (Violation::UnexpectedContinuation, 1002));

        let mut after_a_fragmented_one = fragments(TEXT, &[b"a", b"b"]);
        after_a_fragmented_one.push(stray);
        assert_eq!(violation(&after_a_fragmented_one), Violation::UnexpectedContinuation);
    }
}

#[test]
fn a_new_message_inside_a_fragmented_one_is_refused() {
    for second in [TEXT, FIN | TEXT, BINARY, FIN | BINARY] {
        let refused = violation(&[client_frame(TEXT, b"open"), client_frame(second, b"new")]);
        assert_eq!((refused, refused.close_code()), (Violation::InterruptedMessage, 1002));
    }
}

// 6: UTF-8

const NOT_UTF8: [&[u8]; 12] = [
    b"\x80",
    b"\xBF\xBF",
    b"\xC0\xAF",
    b"\xC1\xBF",
    b"\xE0\x80\xAF",
    b"\xED\xA0\x80",
    b"\xED\xBF\xBF",
    b"\xF0\x80\x80\xAF",
    b"\xF4\x90\x80\x80",
    b"\xF8\x88\x80\x80\x80",
    b"\xFE",
    b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited",
];

#[test]
fn characters_of_every_length_arrive_cut_anywhere() {
    let sample = "\0aé한글κόσμε\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFD}\u{10000}\u{10FFFF}";
    assert_eq!(events(&[client_frame(FIN | TEXT, sample.as_bytes())]), [text(sample)]);
    for cut in 0..=sample.len() {
        let (head, tail) = sample.as_bytes().split_at(cut);
        assert_eq!(events(&fragments(TEXT, &[head, tail])), [text(sample)], "cut at {cut}");
    }
    let single_bytes: Vec<&[u8]> = sample.as_bytes().chunks(1).collect();
    assert_eq!(events(&fragments(TEXT, &single_bytes)), [text(sample)]);
}

#[test]
fn text_that_is_not_utf8_is_refused_and_binary_is_not() {
    for bytes in NOT_UTF8 {
        let refused = violation(&[client_frame(FIN | TEXT, bytes)]);
        assert_eq!((refused, refused.close_code()), (Violation::NotUtf8, 1007), "{bytes:x?}");
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(violation(&fragments(TEXT, &[head, tail])), Violation::NotUtf8);
        }
        assert_eq!(events(&[client_frame(FIN | BINARY, bytes)]), [binary(bytes)]);
    }
}

#[test]
fn a_message_that_ends_inside_a_character_is_refused() {
    for bytes in [&b"\xC3"[..], b"\xED\x95", b"a\xF0\x9F\x98"] {
        assert_eq!(violation(&[client_frame(FIN | TEXT, bytes)]), Violation::NotUtf8);
        assert_eq!(violation(&fragments(TEXT, &[bytes, b""])), Violation::NotUtf8);
    }
}

#[test]
fn text_is_refused_at_its_first_wrong_byte_before_the_frame_is_complete() {
    // 0xF4 may begin a character, 0xF4 0x90 never does: the rest is not waited for.
    let payload = b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xF4\x90\x80\x80edited";
    let wrong_at = 12;
    let in_one_frame = client_frame(FIN | TEXT, payload);
    let in_a_fragment = [client_frame(TEXT, &payload[..8]), client_frame(FIN, &payload[8..])];
    for (stream, header_bytes) in [(in_one_frame, 6), (in_a_fragment.concat(), 12)] {
        let (good, rest) = stream.split_at(header_bytes + wrong_at);
        let mut decoder = Decoder::new(LIMITS);
        let mut buf = BytesMut::from(good);
        assert_eq!(decoder.decode(&mut buf), Ok(None));
        buf.extend_from_slice(&rest[..1]);
        assert_eq!(decoder.decode(&mut buf), Err(Violation::NotUtf8));
    }
}

// 7: closing

#[test]
fn a_close_is_the_last_event() {
    let expected = || vec![close(Some(1000), "bye")];
    let farewell = client_frame(FIN | 0x8, b"\x03\xE8bye");
    assert_eq!(events(&[farewell.clone(), farewell.clone()]), expected());
    assert_eq!(events(&[farewell.clone(), ping(b"late")]), expected());
    assert_eq!(events(&[farewell.clone(), client_frame(FIN | TEXT, b"late")]), expected());
    assert_eq!(events(&[farewell.clone(), vec![0xFF; 64]]), expected());

    // Also in the middle of a message, which is then lost.
    let open = client_frame(TEXT, b"open");
    assert_eq!(events(&[open, farewell, client_frame(FIN, b"end")]), expected());
}

#[test]
fn a_close_may_carry_nothing_or_a_code_or_a_code_with_a_reason() {
    assert_eq!(events(&[client_frame(FIN | 0x8, b"")]), [close(None, "")]);
    assert_eq!(events(&[client_frame(FIN | 0x8, b"\x03\xE8")]), [close(Some(1000), "")]);
    let longest = "*".repeat(123);
    let payload = [b"\x03\xE8", longest.as_bytes()].concat();
    assert_eq!(events(&[client_frame(FIN | 0x8, &payload)]), [close(Some(1000), &longest)]);
}

#[test]
fn a_broken_close_payload_is_refused() {
    let refused = violation(&[client_frame(FIN | 0x8, b"a")]);
    assert_eq!((refused, refused.close_code()), (Violation::TruncatedCloseCode, 1002));
    let refused = violation(&[client_frame(FIN | 0x8, b"\x03\xE8\xCE\xBA\xED\xA0\x80")]);
    assert_eq!((refused, refused.close_code()), (Violation::NotUtf8, 1007));
    assert_eq!(violation(&[client_frame(FIN | 0x8, b"\x03\xE8\xCE")]), Violation::NotUtf8);
}

#[test]
fn only_close_codes_that_may_travel_are_accepted() {
    for code in (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999u16]) {
        let frames = [client_frame(FIN | 0x8, &code.to_be_bytes())];
        assert_eq!(events(&frames), [close(Some(code), "")]);
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535u16] {
        let refused = violation(&[client_frame(FIN | 0x8, &code.to_be_bytes())]);
        assert_eq!((refused, refused.close_code()), (Violation::InvalidCloseCode, 1002), "{code}");
    }
}

// 9: limits

#[test]
fn a_message_may_fill_the_limit_and_not_exceed_it() {
    let limits = Limits { message_bytes_max: 200, frames_per_message_max: 3 };
    let all = [b'*'; 201];
    let (received, refused) = outcome_under(limits, &client_frame(FIN | BINARY, &all[..200]));
    assert_eq!((received, refused), (vec![binary(&all[..200])], None));
    let (_, refused) = outcome_under(limits, &client_frame(FIN | BINARY, &all));
    assert_eq!(refused, Some(Violation::TooLarge));

    let fits = fragments(BINARY, &[&all[..100], &all[..100], b""]).concat();
    assert_eq!(outcome_under(limits, &fits), (vec![binary(&all[..200])], None));
    let exceeds = fragments(BINARY, &[&all[..100], &all[..101]]).concat();
    assert_eq!(outcome_under(limits, &exceeds), (vec![], Some(Violation::TooLarge)));
    assert_eq!(Violation::TooLarge.close_code(), 1009);
}

#[test]
fn a_huge_declared_length_is_refused_by_its_header_alone() {
    for len in [LIMITS.message_bytes_max as u64 + 1, u64::from(u32::MAX), i64::MAX as u64] {
        for first in [FIN | TEXT, BINARY] {
            assert_eq!(violation(&[header_only(first, len)]), Violation::TooLarge);
        }
        let open = client_frame(TEXT, b"open");
        assert_eq!(violation(&[open, header_only(0, len)]), Violation::TooLarge);
    }
    for len in [1 << 63, u64::MAX] {
        let refused = violation(&[header_only(FIN | TEXT, len)]);
        assert_eq!((refused, refused.close_code()), (Violation::LengthTopBit, 1002));
    }
}

#[test]
fn a_declared_length_allocates_nothing() {
    for first in [FIN | TEXT, TEXT] {
        let mut buf = BytesMut::from(&header_only(first, LIMITS.message_bytes_max as u64)[..]);
        let capacity = buf.capacity();
        let mut decoder = Decoder::new(LIMITS);
        assert_eq!(decoder.decode(&mut buf), Ok(None));
        assert_eq!(stream::gathered_capacity(&decoder), 0);
        assert!(buf.capacity() <= capacity, "the read buffer grew");
    }
}

#[test]
fn too_many_fragments_are_refused_even_when_empty() {
    let limits = Limits { message_bytes_max: 10, frames_per_message_max: 4 };
    let most: Vec<&[u8]> = repeat_n(&b""[..], 4).collect();
    assert_eq!(outcome_under(limits, &fragments(TEXT, &most).concat()), (vec![text("")], None));
    let more: Vec<&[u8]> = repeat_n(&b""[..], 5).collect();
    let (_, refused) = outcome_under(limits, &fragments(TEXT, &more).concat());
    assert_eq!(refused, Some(Violation::TooManyFrames));
    assert_eq!(Violation::TooManyFrames.close_code(), 1008);
}

#[test]
fn an_idle_decoder_owns_no_memory() {
    let mut decoder = Decoder::new(LIMITS);
    let mut buf = BytesMut::from(&fragments(TEXT, &[b"frag", b"ment"]).concat()[..]);
    assert_eq!(decoder.decode(&mut buf), Ok(Some(text("fragment"))));
    assert!(decoder.message.is_none() && decoder.frame.is_none() && buf.is_empty());
}

// 10: the rest

#[test]
fn a_large_message_arrives_in_small_fragments() {
    let payload: String = "0123456789abcde한".chars().cycle().take(60_000).collect();
    let parts: Vec<&[u8]> = payload.as_bytes().chunks(1300).collect();
    assert_eq!(events(&fragments(TEXT, &parts)), [text(&payload)]);
}
