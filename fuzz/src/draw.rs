//! Small things drawn from the bytes of an input, one after the other. What is left out is zero.

/// The rest of an input.
pub struct Draw<'b>(pub &'b [u8]);

impl<'b> Draw<'b> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    pub fn number(&mut self) -> usize {
        usize::from(u16::from_be_bytes(self.array()))
    }

    /// Up to the next line break, or all of it.
    pub fn line(&mut self) -> &'b [u8] {
        let end = self.0.iter().position(|byte| *byte == b'\n').unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        line
    }

    /// The same as text, with what is none replaced.
    pub fn text_line(&mut self) -> String {
        String::from_utf8_lossy(self.line()).into_owned()
    }

    /// All the rest as text.
    pub fn text(self) -> String {
        String::from_utf8_lossy(self.0).into_owned()
    }
}

/// A text with one thing changed; where and how is drawn. Never the same.
pub fn bent(text: &str, draw: &mut Draw<'_>) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = draw.number() % (chars.len() + 1);
    let other = char::from(draw.byte() & 0x7F);
    match draw.byte() % 4 {
        0 if at < chars.len() => drop(chars.remove(at)),
        1 => chars.insert(at, other),
        2 if at < chars.len() => chars.truncate(at),
        _ => {
            let at = at.min(chars.len().saturating_sub(1));
            match chars.get_mut(at) {
                Some(here) if *here != other => *here = other,
                Some(here) => *here = if other == 'A' { 'B' } else { 'A' },
                None => chars.push(other),
            }
        }
    }
    chars.into_iter().collect()
}
