//! Where a record ends: a search for quotes and line ends that can stop at any byte and go on.

/// Bytes of the lowest bits, and of all bits but the highest, of each byte of a word.
const ONES: u64 = 0x0101_0101_0101_0101;
const LOW_BITS: u64 = 0x7F7F_7F7F_7F7F_7F7F;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Outside quotes.
    #[default]
    Plain,
    /// Inside quotes.
    Quoted,
    /// After a quote inside quotes: another one makes it a character, anything else closes.
    Closing,
}

/// The search for the end of one record; positions count from the record's first byte.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    state: State,
    at: usize,
    /// Where the last quoted cell opened.
    opened: Option<usize>,
}

/// What a search finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing before more bytes come, or nothing at all at the end of the file.
    More,
    /// A record without its line end is `body` bytes long, with it `end`.
    Line { body: usize, end: usize },
    /// The last quote does not close before the end of the file or the limit, or not credibly.
    Unclosed,
    /// The record passes the limit outside quotes.
    TooLong,
}

impl Scan {
    /// Whether a quoted cell was seen.
    pub(super) fn has_quotes(&self) -> bool {
        self.opened.is_some()
    }

    /// Where the last quoted cell opened; 0 if none did.
    pub(super) fn opened(&self) -> usize {
        self.opened.unwrap_or_default()
    }

    /// Searches on; `raw` begins with the record and is never shorter than at the last step.
    ///
    /// What is found depends on the bytes alone and not on how pushes cut them.
    pub(super) fn step(&mut self, raw: &[u8], delimiter: u8, limit: usize, finished: bool) -> Step {
        let window = raw.get(..limit).unwrap_or(raw);
        loop {
            let rest = window.get(self.at..).unwrap_or_default();
            let found = match self.state {
                State::Plain => find(rest, [b'"', b'\n', b'\r']),
                State::Quoted => find(rest, [b'"']),
                State::Closing => (!rest.is_empty()).then_some(0),
            };
            let Some(ahead) = found else {
                self.at = window.len();
                return self.exhausted(raw.len(), limit, finished);
            };
            let at = self.at + ahead;
            match (self.state, window.get(at)) {
                (State::Plain, Some(b'"')) => self.quote(window, at, delimiter),
                (State::Plain, _) => return self.line(raw, at, finished),
                (State::Quoted, _) => self.go(State::Closing, at + 1),
                (State::Closing, Some(b'"')) => self.go(State::Quoted, at + 1),
                (State::Closing, Some(next)) if self.is_another_quote(window, *next, delimiter) => {
                    return Step::Unclosed;
                }
                (State::Closing, _) => self.go(State::Plain, at),
            }
        }
    }

    fn go(&mut self, state: State, at: usize) {
        self.state = state;
        self.at = at;
    }

    /// A quote outside quotes opens a cell only as its first character.
    fn quote(&mut self, window: &[u8], at: usize, delimiter: u8) {
        let before = at.checked_sub(1).and_then(|before| window.get(before));
        if before.is_none_or(|before| *before == delimiter) {
            self.opened = Some(at);
            self.go(State::Quoted, at + 1);
        } else {
            self.go(State::Plain, at + 1);
        }
    }

    /// Whether the quote that was to close a cell is rather one that opens another: it stands on a
    /// later line, right before text.
    fn is_another_quote(&self, window: &[u8], next: u8, delimiter: u8) -> bool {
        if next == delimiter || next.is_ascii_whitespace() {
            return false;
        }
        window.get(self.opened()..self.at).is_some_and(|cell| find(cell, [b'\n', b'\r']).is_some())
    }

    fn line(&mut self, raw: &[u8], body: usize, finished: bool) -> Step {
        self.at = body;
        match raw.get(body..).and_then(|rest| whole_line(rest, finished)) {
            Some(ends) => Step::Line { body, end: body + ends },
            None => Step::More,
        }
    }

    fn exhausted(&self, len: usize, limit: usize, finished: bool) -> Step {
        let over = len > limit;
        match self.state {
            State::Quoted if over || finished => Step::Unclosed,
            State::Plain | State::Closing if over => Step::TooLong,
            State::Plain | State::Closing if finished && len > 0 => Step::Line { body: len, end: len },
            _ => Step::More,
        }
    }
}

/// Length of the first line with its end, CRLF, LF or CR, where that end is certain: all of the rest
/// if the file is finished, none while a CR may be followed by its LF.
pub(super) fn whole_line(raw: &[u8], finished: bool) -> Option<usize> {
    match line_end(raw) {
        Some(end) if finished || end < raw.len() || raw.ends_with(b"\n") => Some(end),
        None if finished => Some(raw.len()),
        _ => None,
    }
}

/// Length of the first line with its end, if it has one.
fn line_end(raw: &[u8]) -> Option<usize> {
    let at = find(raw, [b'\n', b'\r'])?;
    match raw.get(at..) {
        Some([b'\r', b'\n', ..]) => Some(at + 2),
        _ => Some(at + 1),
    }
}

/// How many lines end in these bytes, a CRLF ending one.
pub(super) fn lines(raw: &[u8]) -> u64 {
    let feeds = raw.iter().filter(|byte| **byte == b'\n').count();
    let returns = raw.iter().filter(|byte| **byte == b'\r').count();
    let both = if returns == 0 { 0 } else { raw.windows(2).filter(|pair| *pair == b"\r\n").count() };
    (feeds + returns - both) as u64
}

/// Where the first of the needles is; eight bytes at a time.
pub(super) fn find<const N: usize>(hay: &[u8], needles: [u8; N]) -> Option<usize> {
    let (words, tail) = hay.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let hits = needles.iter().fold(0, |hits, needle| hits | matches(word, *needle));
        if hits != 0 {
            return Some(i * 8 + first_byte(hits));
        }
    }
    let at = tail.iter().position(|byte| needles.contains(byte))?;
    Some(hay.len() - tail.len() + at)
}

/// Appends where each `needle` is, at most `most` of them.
pub(super) fn find_all(hay: &[u8], needle: u8, most: usize, found: &mut Vec<usize>) {
    let (words, tail) = hay.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let mut hits = matches(u64::from_le_bytes(*word), needle);
        while hits != 0 && found.len() < most {
            found.push(i * 8 + first_byte(hits));
            hits &= hits - 1;
        }
    }
    let before = hay.len() - tail.len();
    for (i, _) in tail.iter().enumerate().filter(|(_, byte)| **byte == needle) {
        if found.len() < most {
            found.push(before + i);
        }
    }
}

/// The highest bit of each byte of the word that is the needle.
fn matches(word: u64, needle: u8) -> u64 {
    let differs = word ^ (ONES * u64::from(needle));
    !(((differs & LOW_BITS) + LOW_BITS) | differs | LOW_BITS)
}

fn first_byte(hits: u64) -> usize {
    (hits.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_crlf_ends_one_line() {
        assert_eq!(lines(b"a\r\nb\nc\rd"), 3);
        assert_eq!(lines(b"\r\r\n\n"), 3);
        assert_eq!(line_end(b"a\r\nb"), Some(3));
        assert_eq!(whole_line(b"a\r", false), None);
        assert_eq!(whole_line(b"a\r", true), Some(2));
    }

    proptest! {
        #[test]
        fn words_find_what_bytes_find(hay in prop::collection::vec(0u8..4, 0..40), most in 0..9usize) {
            prop_assert_eq!(find(&hay, [1, 3]), hay.iter().position(|byte| [1, 3].contains(byte)));
            let mut found = Vec::new();
            find_all(&hay, 2, most, &mut found);
            let slow: Vec<usize> = (0..hay.len()).filter(|i| hay[*i] == 2).take(most).collect();
            prop_assert_eq!(found, slow);
        }

        #[test]
        fn a_needle_matches_itself_alone(word in any::<[u8; 8]>(), needle in any::<u8>()) {
            let hits = matches(u64::from_le_bytes(word), needle).to_le_bytes();
            for (byte, hit) in word.iter().zip(hits) {
                prop_assert_eq!(hit, if *byte == needle { 0x80 } else { 0 });
            }
        }
    }
}
