//! Bytes of a file become UTF-8, a push at a time, and UTF-8 finds its way back to file offsets.
//!
//! Nothing is replaced: bytes that the encoding does not have become a byte that UTF-8 does not
//! have, so the record that holds them fails its UTF-8 check and its neighbours do not. Because
//! every decoded character tells its own length in the file, no table of offsets is kept.

use super::format::Encoding;

/// Stands for bytes that the encoding does not have: a lone surrogate, an unassigned byte.
const BROKEN: u8 = 0xFF;
/// Stands for the odd byte at the end of a UTF-16 file.
const HALF_UNIT: u8 = 0xFE;

/// Decodes one file from its encoding to UTF-8; holds at most three bytes between pushes.
#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    encoding: Encoding,
    /// First byte of a UTF-16 unit that a push has cut.
    half: Option<u8>,
    /// First unit of a surrogate pair whose second has not come yet.
    high: Option<u16>,
}

impl Decoder {
    /// A decoder at the start of a character.
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self { encoding, half: None, high: None }
    }

    /// Appends the decoded bytes to `out`.
    pub(crate) fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self.encoding {
            // The reader checks whole records, which is faster and knows the row at fault.
            Encoding::Utf8 => out.extend_from_slice(bytes),
            Encoding::Windows1252 => windows_1252(bytes, out),
            Encoding::Utf16Le => self.utf16(bytes, u16::from_le_bytes, out),
            Encoding::Utf16Be => self.utf16(bytes, u16::from_be_bytes, out),
        }
    }

    /// Appends what a character that the end of the file cuts leaves.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.high.take().is_some() {
            out.push(BROKEN);
        }
        if self.half.take().is_some() {
            out.push(HALF_UNIT);
        }
    }

    fn utf16(&mut self, bytes: &[u8], unit: fn([u8; 2]) -> u16, out: &mut Vec<u8>) {
        let mut rest = bytes;
        if let Some((second, tail)) = bytes.split_first()
            && let Some(first) = self.half.take()
        {
            self.unit(unit([first, *second]), out);
            rest = tail;
        }
        let (units, odd) = rest.as_chunks::<2>();
        for bytes in units {
            self.unit(unit(*bytes), out);
        }
        if let Some(byte) = odd.first() {
            self.half = Some(*byte);
        }
    }

    #[inline]
    fn unit(&mut self, unit: u16, out: &mut Vec<u8>) {
        let Some(high) = self.high.take() else {
            return self.first_unit(unit, out);
        };
        if (0xDC00..=0xDFFF).contains(&unit) {
            let pair = 0x1_0000 + ((u32::from(high) & 0x3FF) << 10) + (u32::from(unit) & 0x3FF);
            return push(char::from_u32(pair), out);
        }
        out.push(BROKEN);
        self.first_unit(unit, out);
    }

    #[inline]
    fn first_unit(&mut self, unit: u16, out: &mut Vec<u8>) {
        match (u8::try_from(unit), unit) {
            (Ok(byte), _) if byte.is_ascii() => out.push(byte),
            (_, 0xD800..=0xDBFF) => self.high = Some(unit),
            _ => push(char::from_u32(u32::from(unit)), out),
        }
    }
}

fn push(decoded: Option<char>, out: &mut Vec<u8>) {
    match decoded {
        Some(letter) => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.push(BROKEN),
    }
}

/// The WHATWG table fills the five unassigned bytes with control characters; here they are errors,
/// since text that holds them was written in another encoding.
fn windows_1252(bytes: &[u8], out: &mut Vec<u8>) {
    let unassigned = |byte: &u8| matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D);
    for (i, run) in bytes.split(unassigned).enumerate() {
        if i > 0 {
            out.push(BROKEN);
        }
        let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(run);
        out.extend_from_slice(text.as_bytes());
    }
}

/// How many bytes of the file the decoded bytes stand for.
pub(crate) fn source_len(encoding: Encoding, decoded: &[u8]) -> u64 {
    let count = |wanted: fn(u8) -> bool| decoded.iter().filter(|byte| wanted(**byte)).count();
    let starts = || count(|byte| byte & 0b1100_0000 != 0b1000_0000);
    let bytes = match encoding {
        Encoding::Utf8 => decoded.len(),
        Encoding::Windows1252 => starts(),
        // Two bytes a character, four where UTF-8 takes four, one for the odd byte at the end.
        Encoding::Utf16Le | Encoding::Utf16Be => {
            2 * (starts() + count(|byte| (0xF0..HALF_UNIT).contains(&byte))) - count(|byte| byte == HALF_UNIT)
        }
    };
    bytes as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(encoding: Encoding, pieces: &[&[u8]]) -> Vec<u8> {
        let mut decoder = Decoder::new(encoding);
        let mut out = Vec::new();
        for piece in pieces {
            decoder.decode(piece, &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn a_lone_surrogate_is_broken_and_its_neighbours_are_not() {
        let decoded = |units: &[u16]| {
            let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            decode(Encoding::Utf16Be, &[&bytes])
        };
        assert_eq!(decoded(&[0xD83D, 0x41]), b"\xFFA");
        assert_eq!(decoded(&[0x41, 0xDE00]), b"A\xFF");
        let pair = [&b"\xFF"[..], "\u{1F600}".as_bytes()].concat();
        assert_eq!(decoded(&[0xD83D, 0xD83D, 0xDE00]), pair);
        assert_eq!(decoded(&[0x41, 0xD83D]), b"A\xFF");
    }

    #[test]
    fn the_odd_byte_at_the_end_of_utf16_is_broken() {
        let decoded = decode(Encoding::Utf16Le, &[b"A", b"\0B"]);
        assert_eq!(decoded, b"A\xFE");
        assert_eq!(source_len(Encoding::Utf16Le, &decoded), 3);
    }

    #[test]
    fn windows_1252_has_a_euro_and_five_holes() {
        assert_eq!(decode(Encoding::Windows1252, &[b"\x80 caf\xE9"]), "€ café".as_bytes());
        let broken = (0..=255u8).filter(|byte| decode(Encoding::Windows1252, &[&[*byte]]) == [BROKEN]);
        assert_eq!(broken.collect::<Vec<_>>(), [0x81, 0x8D, 0x8F, 0x90, 0x9D]);
    }

    proptest! {
        #[test]
        fn any_bytes_decode_alike_however_they_are_cut(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            cut in 0..64usize,
            encoding in prop::sample::select(&[Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Windows1252][..]),
        ) {
            let cut = cut.min(bytes.len());
            let whole = decode(encoding, &[&bytes]);
            prop_assert_eq!(&decode(encoding, &[&bytes[..cut], &bytes[cut..]]), &whole);
            prop_assert_eq!(source_len(encoding, &whole), bytes.len() as u64);
        }

        #[test]
        fn text_decodes_to_itself(text in any::<String>()) {
            let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            prop_assert_eq!(&decode(Encoding::Utf16Le, &[&le]), text.as_bytes());
            prop_assert_eq!(&decode(Encoding::Utf16Be, &[&be]), text.as_bytes());
        }
    }
}
