//! Writes a text as a JSON string in which nothing stands that browsers were seen to change on the way.
//!
//! Beside what JSON demands, SockJS has every server escape a few ranges of characters: separators,
//! direction marks, surrogates, the end of the basic plane. What is escaped here is read as the same
//! text by any JSON parser.

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `text` in quotes.
pub(crate) fn quote(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut kept = 0;
    let mut at = 0;
    while at < bytes.len() {
        // Most of a frame is plain, and one look at a byte is enough for it.
        if is_plain(bytes[at]) {
            at += 1;
            continue;
        }
        let Some(c) = text[at..].chars().next() else { break };
        let end = at + c.len_utf8();
        if is_escaped(c) {
            out.extend_from_slice(&bytes[kept..at]);
            escape(c, out);
            kept = end;
        }
        at = end;
    }
    out.extend_from_slice(&bytes[kept..]);
    out.push(b'"');
}

const fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte < 0x80 && byte != b'"' && byte != b'\\'
}

const fn is_escaped(c: char) -> bool {
    matches!(
        c,
        '"' | '\\'
            | '\0'..='\x1f'
            | '\u{200c}'..='\u{200f}'
            | '\u{2028}'..='\u{202f}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff0}'..
    )
}

fn escape(c: char, out: &mut Vec<u8>) {
    let short = match c {
        '"' => b'"',
        '\\' => b'\\',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\x08' => b'b',
        '\x0c' => b'f',
        _ => {
            // Beyond the basic plane two surrogates, as JSON writes them.
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escape_unit(*unit, out));
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn escape_unit(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    out.extend([12, 8, 4, 0].map(|shift| HEX[usize::from(unit >> shift & 0xf)]));
}

/// Writes JSON anew so that it may stand inside a script element: no `<` ends that early.
pub(crate) fn without_tags(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    for byte in json {
        match byte {
            b'<' => out.extend_from_slice(b"\\u003c"),
            b'>' => out.extend_from_slice(b"\\u003e"),
            byte => out.push(*byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        quote(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_character_reads_back_as_itself() {
        for c in '\0'..=char::MAX {
            let text = format!("a{c}b");
            let read: String = serde_json::from_str(&quoted(&text)).unwrap();
            assert_eq!(read, text, "U+{:04X}", c as u32);
        }
    }

    #[test]
    fn exactly_the_ranges_of_the_protocol_are_escaped() {
        let ranges = [
            0x00..=0x1f,
            0x200c..=0x200f,
            0x2028..=0x202f,
            0x2060..=0x206f,
            0xfff0..=0x0010_ffff_u32,
        ];
        for c in '\0'..=char::MAX {
            let due = ranges.iter().any(|range| range.contains(&(c as u32)));
            let due = due || c == '"' || c == '\\';
            assert_eq!(quoted(&c.to_string()).contains('\\'), due, "U+{:04X}", c as u32);
        }
    }

    #[test]
    fn it_is_written_as_other_servers_write_it() {
        assert_eq!(quoted("x\u{ffff}"), r#""x\uffff""#);
        assert_eq!(quoted("\u{2028}\0\n"), r#""\u2028\u0000\n""#);
        assert_eq!(quoted("😀 방"), r#""\ud83d\ude00 방""#);
        assert_eq!(quoted(r#"{"a":"\u0001"}"#), r#""{\"a\":\"\\u0001\"}""#);
        assert_eq!(quoted(""), r#""""#);
    }

    #[test]
    fn no_script_ends_inside_its_text() {
        let text = without_tags(quoted("</script><script>x()//").as_bytes());
        assert!(!text.contains(&b'<') && !text.contains(&b'>'));
        let read: String = serde_json::from_slice(&text).unwrap();
        assert_eq!(read, "</script><script>x()//");
    }
}
