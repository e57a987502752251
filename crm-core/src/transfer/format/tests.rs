use super::*;
use crate::error::ErrorKind;

fn guess(sample: &[u8]) -> Format {
    Format::guess(sample, &FormatOptions::default()).unwrap()
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

fn field_at_fault(result: Result<Format>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    error.fields()[0].field.clone()
}

#[test]
fn a_byte_order_mark_decides() {
    assert_eq!(guess(b"\xEF\xBB\xBFa,b\n"), Format { bom_bytes: 3, ..Format::default() });
    let le = [&b"\xFF\xFE"[..], &utf16("a;b\n", u16::to_le_bytes)].concat();
    assert_eq!(guess(&le), Format { encoding: Encoding::Utf16Le, delimiter: b';', bom_bytes: 2 });
    let be = [&b"\xFE\xFF"[..], &utf16("a\tb\n", u16::to_be_bytes)].concat();
    assert_eq!(guess(&be), Format { encoding: Encoding::Utf16Be, delimiter: b'\t', bom_bytes: 2 });
}

#[test]
fn utf16_without_a_mark_shows_by_its_nuls() {
    for text in ["name,email\nZoë,z@example.com\n", "имя;город\nАнна;Москва\n", "名前,会社\n太郎,日本\n"]
    {
        assert_eq!(guess(&utf16(text, u16::to_le_bytes)).encoding, Encoding::Utf16Le, "{text}");
        assert_eq!(guess(&utf16(text, u16::to_be_bytes)).encoding, Encoding::Utf16Be, "{text}");
    }
}

#[test]
fn a_stray_nul_does_not_make_utf16() {
    assert_eq!(guess(b"name\n\0=1+1\n").encoding, Encoding::Utf8);
    assert_eq!(guess(b"\0\0\0\0").encoding, Encoding::Utf8);
}

#[test]
fn what_is_not_utf8_is_windows_1252() {
    assert_eq!(guess("café,b\n".as_bytes()).encoding, Encoding::Utf8);
    assert_eq!(guess(b"caf\xE9,b\n").encoding, Encoding::Windows1252);
}

#[test]
fn one_broken_character_leaves_utf8_what_it_is() {
    let text = ["José,Zoë\n".as_bytes(), b"caf\xE9,b\n"].concat();
    assert_eq!(guess(&text).encoding, Encoding::Utf8);
    assert_eq!(guess(b"\xE9t\xE9 \xC3\xA9\n").encoding, Encoding::Windows1252);
}

#[test]
fn characters_are_counted_alike_however_they_are_cut() {
    let text = ["aé€😀b".as_bytes(), b"\xE9x\xE2\x82", "é".as_bytes(), b"\xF0\x9F"].concat();
    let tally = |size: usize| {
        let mut tally = Utf8Tally::default();
        text.chunks(size).for_each(|bytes| tally.feed(bytes));
        tally.finish();
        (tally.whole, tally.broken)
    };
    for size in 1..=text.len() {
        assert_eq!(tally(size), (4, 3), "{size}");
    }
}

#[test]
fn a_character_cut_by_the_sample_is_still_utf8() {
    let text = "name,city\nZoë,Zürich\nJosé,Bogot".as_bytes();
    assert_eq!(guess(&[text, b"\xC3"].concat()).encoding, Encoding::Utf8);
}

#[test]
fn the_delimiter_is_the_one_the_records_agree_on() {
    for (text, delimiter) in [
        ("a,b,c\n1,2,3\n", b','),
        ("name;value\nx;1,5\ny;2,5\n", b';'),
        ("name;notes\nx;\"a,b\"\n", b';'),
        ("a\tb\n1,5\t2\n", b'\t'),
        ("a|b|c\n1|2|3\n", b'|'),
        ("Name, first;Name, last;E-mail;Phone\nx;y;z;1\n", b';'),
        ("note,id\n\"a;b\nc;d\",1\n", b','),
        ("only\none\n", b','),
        ("", b','),
        ("a;b", b';'),
    ] {
        assert_eq!(guess(text.as_bytes()).delimiter, delimiter, "{text:?}");
    }
}

#[test]
fn a_cut_last_record_has_no_vote() {
    assert_eq!(guess(b"a;b;c\n1;2;3\n4;\"x,y,z").delimiter, b';');
}

#[test]
fn a_line_of_excel_names_the_delimiter() {
    assert_eq!(guess(b"sep=;\r\na,b;c,d\r\n").delimiter, b';');
    let wide = [&b"\xFF\xFE"[..], &utf16("SEP=|\r\na,b\r\n", u16::to_le_bytes)].concat();
    assert_eq!(guess(&wide).delimiter, b'|');
}

#[test]
fn the_caller_knows_better() {
    let options = FormatOptions { encoding: Some(Encoding::Windows1252), delimiter: Some('|') };
    let format = Format::guess(b"a,b\n", &options).unwrap();
    assert_eq!(format, Format { encoding: Encoding::Windows1252, delimiter: b'|', bom_bytes: 0 });
    let either = FormatOptions { encoding: Some("utf-16".parse().unwrap()), delimiter: None };
    assert_eq!(Format::guess(b"\xFE\xFF\0a", &either).unwrap().encoding, Encoding::Utf16Be);
}

#[test]
fn an_error_names_the_option_at_fault() {
    for given in ['"', '\n', '\0', 'a', '1', ' ', '§'] {
        let options = FormatOptions { delimiter: Some(given), ..FormatOptions::default() };
        assert_eq!(field_at_fault(Format::guess(b"a,b", &options)), "delimiter");
    }
    let options = FormatOptions { encoding: Some(Encoding::Windows1252), ..FormatOptions::default() };
    assert_eq!(field_at_fault(Format::guess(b"\xEF\xBB\xBFa", &options)), "encoding");
    assert_eq!(field_at_fault(Format::guess(b"\xFF\xFE\0\0a", &FormatOptions::default())), "encoding");
}

#[test]
fn encodings_are_known_by_name_and_alias() {
    for (name, encoding) in [
        ("UTF-8", Encoding::Utf8),
        ("utf-16", Encoding::Utf16Le),
        ("utf_16_be", Encoding::Utf16Be),
        ("Windows-1252", Encoding::Windows1252),
        ("windows1252", Encoding::Windows1252),
        ("latin1", Encoding::Windows1252),
        ("ISO-8859-1", Encoding::Windows1252),
    ] {
        assert_eq!(name.parse::<Encoding>().unwrap(), encoding, "{name}");
        assert_eq!(encoding.name().parse::<Encoding>().unwrap(), encoding);
    }
    assert_eq!("ebcdic".parse::<Encoding>().unwrap_err().fields()[0].field, "encoding");
}
