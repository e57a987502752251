mod naive;

use proptest::prelude::*;

use super::*;
use crate::transfer::format::Encoding;
use naive::{Row, naive};

const ENCODINGS: [Encoding; 4] = [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Windows1252];

fn encode(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Encoding::Windows1252 => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
    }
}

fn comma() -> Format {
    Format::default()
}

/// Everything that a reader gives for these bytes, with the place after each, cut as told.
fn read_on(mut reader: Reader, bytes: &[u8], cuts: &[usize]) -> Vec<(Result<Record, RowError>, Checkpoint)> {
    let mut read = Vec::new();
    let mut rest = bytes;
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let (piece, after) = rest.split_at(cut.min(rest.len()));
        rest = after;
        reader.push(piece);
        if cut == usize::MAX {
            reader.finish();
        }
        while let Some(row) = reader.next() {
            read.push((row, reader.checkpoint()));
        }
        assert!(reader.buffer.len() - reader.start <= reader.limits.record_bytes);
    }
    read
}

fn read(bytes: &[u8], format: Format, limits: Limits) -> Vec<Result<Record, RowError>> {
    read_on(Reader::new(format, limits), bytes, &[]).into_iter().map(|(row, _)| row).collect()
}

fn cells(record: &Record) -> Vec<&str> {
    record.iter().collect()
}

fn rows(text: &str) -> Vec<Row> {
    read(text.as_bytes(), comma(), Limits::default()).into_iter().map(row).collect()
}

fn row(read: Result<Record, RowError>) -> Row {
    match read {
        Ok(record) => Row::Cells(record.line, record.iter().map(str::to_owned).collect()),
        Err(error) => Row::Unclosed(error.line),
    }
}

fn good(line: u64, cells: &[&str]) -> Row {
    Row::Cells(line, cells.iter().map(ToString::to_string).collect())
}

fn only_error(bytes: &[u8], format: Format, limits: Limits) -> RowError {
    let errors: Vec<RowError> = read(bytes, format, limits).into_iter().filter_map(Result::err).collect();
    let [error] = errors.as_slice() else { panic!("one error expected: {errors:?}") };
    error.clone()
}

#[test]
fn lines_end_with_crlf_lf_or_cr_and_blank_ones_are_skipped() {
    let expected = [good(1, &["a", "b"]), good(3, &["c", ""]), good(5, &["", "d"]), good(7, &["e"])];
    assert_eq!(rows("a,b\r\n\r\nc,\n \n,d\r\re"), expected);
}

#[test]
fn a_quoted_cell_may_hold_anything() {
    let expected = [good(1, &["a,\"b\"", "two\r\nlines\r"]), good(4, &["", "x"])];
    assert_eq!(rows("\"a,\"\"b\"\"\",\"two\r\nlines\r\"\n\"\",x"), expected);
}

#[test]
fn a_quote_inside_a_bare_cell_is_a_character() {
    assert_eq!(rows("5\" disk, \"a\",\"b\"c\"d\n"), [good(1, &["5\" disk", " \"a\"", "bc\"d"])]);
}

#[test]
fn a_lone_quoted_blank_is_a_record() {
    assert_eq!(rows("a\n\"\"\n\n\" \""), [good(1, &["a"]), good(2, &[""]), good(4, &[" "])]);
}

#[test]
fn records_are_numbered_from_the_header_and_know_where_they_end() {
    let read = read(b"id\n\n1\r\n\"2\n3\"", comma(), Limits::default());
    let places: Vec<_> = read.iter().flatten().map(|row| (row.line, row.index, row.end, row.next_line)).collect();
    assert_eq!(places, [(1, 0, 3, 2), (3, 1, 7, 4), (4, 2, 12, 5)]);
    let record = read[2].as_ref().unwrap();
    assert_eq!((record.len(), record.cell(0), record.cell(1)), (1, Some("2\n3"), None));
}

#[test]
fn an_unclosed_quote_costs_its_line_alone() {
    let text = "id,name\n1,a\n2,\"b\n3,c\n4,\"d\ne\",f\n5,\"g";
    let expected = [
        good(1, &["id", "name"]),
        good(2, &["1", "a"]),
        Row::Unclosed(3),
        good(4, &["3", "c"]),
        good(5, &["4", "d\ne", "f"]),
        Row::Unclosed(7),
    ];
    assert_eq!(rows(text), expected);
    let error = only_error(b"x\n\"a\nb\",\"c", comma(), Limits::default());
    assert_eq!((error.line, error.code, error.column), (3, "unclosed_quote", Some(1)));
}

#[test]
fn a_quote_that_swallows_the_file_is_not_buffered() {
    let limits = Limits { record_bytes: 10_000, ..Limits::default() };
    let mut reader = Reader::new(comma(), limits);
    let (mut good, mut bad, mut most) = (0, 0, 0);
    reader.push(b"id,name\n1,\"open\n");
    for _ in 0..2_000 {
        reader.push("2,name of some length\r\n".repeat(10).as_bytes());
        most = most.max(reader.buffer.len());
        for row in reader.by_ref() {
            *if row.is_ok() { &mut good } else { &mut bad } += 1;
        }
    }
    assert_eq!((good, bad), (20_001, 1));
    assert!(most < 2 * 10_300, "{most}");
}

#[test]
fn a_cell_of_a_megabyte_costs_its_row() {
    for quote in ["", "\""] {
        let text = format!("1,a\n2,{quote}{}{quote},x\n3,c\n", "é".repeat(500_000));
        let read = read(text.as_bytes(), comma(), Limits::default());
        let error = read[1].as_ref().unwrap_err();
        assert_eq!((error.code, error.line, error.column), ("cell_too_long", 2, Some(1)));
        assert_eq!(cells(read[2].as_ref().unwrap()), ["3", "c"]);
    }
}

#[test]
fn a_line_without_an_end_costs_itself() {
    let limits = Limits { record_bytes: 8, ..Limits::default() };
    let read = read(b"1234567890,\"a,b\nc,d\n", comma(), limits);
    assert_eq!(read[0].as_ref().unwrap_err().code, "record_too_long");
    let next = read[1].as_ref().unwrap();
    assert_eq!((next.line, cells(next)), (2, vec!["c", "d"]));
}

#[test]
fn a_checkpoint_never_lies_amid_a_record() {
    let mut reader = Reader::new(comma(), Limits { record_bytes: 8, ..Limits::default() });
    reader.push(b"a,b\n1234567890,more");
    assert!(reader.by_ref().all(|row| row.is_ok()));
    assert_eq!(reader.checkpoint(), Checkpoint { offset: 4, line: 2, index: 1 });
    reader.push(b" and more\nc");
    assert_eq!(reader.next().map(|row| row.is_err()), Some(true));
    assert_eq!(reader.checkpoint(), Checkpoint { offset: 29, line: 3, index: 2 });
}

#[test]
fn a_row_with_too_many_columns_costs_itself() {
    let limits = Limits { columns: 3, ..Limits::default() };
    for wide in ["1,2,3,4", "\"1\",2,3,4,5"] {
        let text = format!("a,b,c\n{wide}\nd,e,\"f\"\n");
        let error = only_error(text.as_bytes(), comma(), limits);
        assert_eq!((error.code, error.line, error.index), ("too_many_columns", 2, 1));
    }
}

#[test]
fn a_nul_costs_its_row() {
    let error = only_error(b"a,b\n1,\0=1+1\nc,d\n", comma(), Limits::default());
    assert_eq!((error.code, error.line, error.column), ("nul", 2, Some(1)));
}

#[test]
fn bytes_that_are_not_of_the_encoding_cost_their_row() {
    let wide = |units: &[u16]| units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>();
    let [a, comma_unit, feed] = [0x61, 0x2C, 0x0A];
    for (encoding, bytes) in [
        (Encoding::Utf8, b"a\na,\xE9\na".to_vec()),
        (Encoding::Utf8, b"a\n\"a\",\"\xED\xA0\x80\"\na".to_vec()),
        (Encoding::Windows1252, b"a\na,\x81\na".to_vec()),
        (Encoding::Utf16Le, wide(&[a, feed, a, comma_unit, 0xD83D, feed, a])),
    ] {
        let error = only_error(&bytes, Format { encoding, ..comma() }, Limits::default());
        assert_eq!((error.code, error.line, error.column), ("encoding", 2, Some(1)), "{encoding}");
        assert_eq!(read(&bytes, Format { encoding, ..comma() }, Limits::default()).len(), 3);
    }
    let odd = [wide(&[a, feed, a, comma_unit, a]), vec![0x61]].concat();
    let error = only_error(&odd, Format { encoding: Encoding::Utf16Le, ..comma() }, Limits::default());
    assert_eq!(error.column, Some(1));
}

#[test]
fn a_line_that_names_the_delimiter_is_no_record() {
    let semicolon = Format { delimiter: b';', ..comma() };
    let read = |text: &str| read(text.as_bytes(), semicolon, Limits::default());
    assert_eq!(cells(read("sep=;\r\na;b")[0].as_ref().unwrap()), ["a", "b"]);
    assert_eq!(read("sep=;\r\na;b")[0].as_ref().unwrap().line, 2);
    assert_eq!(read("a\nsep=;\n").len(), 2);
    assert_eq!(read("\"sep=,\"\n").len(), 1);
}

#[test]
fn a_byte_order_mark_counts_as_bytes_and_not_as_text() {
    let format = Format { bom_bytes: 3, ..comma() };
    let read = read_on(Reader::new(format, Limits::default()), b"\xEF\xBB\xBFa\nb\n", &[1, 1, 1]);
    let first = read[0].0.as_ref().unwrap();
    assert_eq!((first.cell(0), first.end), (Some("a"), 5));
}

#[test]
fn a_row_of_another_width_than_the_header_is_ragged() {
    let read = read(b"a,b,c\n1,2,3\n1,2\n1,2,3,4\n,\n", comma(), Limits::default());
    let ragged: Vec<_> =
        read.iter().flatten().map(|row| ragged(3, row).map(|error| (error.code, error.line))).collect();
    assert_eq!(ragged, [None, None, Some(("ragged", 3)), Some(("ragged", 4)), None]);
}

#[test]
fn a_record_is_used_again() {
    let mut reader = Reader::new(comma(), Limits::default());
    reader.push(b"a,b\n\0\nc\n");
    let mut record = Record::default();
    assert_eq!(reader.read(&mut record), Some(Ok(())));
    assert_eq!(cells(&record), ["a", "b"]);
    assert!(reader.read(&mut record).unwrap().is_err());
    assert_eq!(record.len(), 0);
    assert_eq!(reader.read(&mut record), Some(Ok(())));
    assert_eq!(cells(&record), ["c"]);
    assert_eq!(reader.read(&mut record), None);
}

fn text() -> impl Strategy<Value = String> {
    let letters = prop::sample::select("\"\"\",,;\t\r\n\n ab€é".chars().collect::<Vec<_>>());
    prop::collection::vec(letters, 0..60).prop_map(|letters| letters.into_iter().collect())
}

fn format() -> impl Strategy<Value = Format> {
    let encoding = prop::sample::select(&ENCODINGS[..]);
    let delimiter = prop::sample::select(&b",;\t"[..]);
    (encoding, delimiter).prop_map(|(encoding, delimiter)| Format { encoding, delimiter, bom_bytes: 0 })
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..12usize, 0..20)
}

/// Reading on from every place gives what reading through gives.
fn resumes(bytes: &[u8], format: Format, limits: Limits) -> Result<(), TestCaseError> {
    let all = read_on(Reader::new(format, limits), bytes, &[]);
    for (i, (row, place)) in all.iter().enumerate() {
        if let Ok(record) = row {
            let after = Checkpoint { offset: record.end, line: record.next_line, index: record.index + 1 };
            prop_assert_eq!(after, *place);
        }
        let reader = Reader::resume(format, limits, place.offset, place.line, place.index);
        let offset = usize::try_from(place.offset).unwrap();
        prop_assert_eq!(&read_on(reader, &bytes[offset..], &[3, 1])[..], &all[i + 1..]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn it_reads_what_a_naive_parser_reads(text in text(), format in format(), cuts in cuts()) {
        let bytes = encode(&text, format.encoding);
        let read = read_on(Reader::new(format, Limits::default()), &bytes, &cuts);
        let rows: Vec<Row> = read.into_iter().map(|(read, _)| row(read)).collect();
        prop_assert_eq!(rows, naive(&text, char::from(format.delimiter)));
    }

    #[test]
    fn it_reads_astral_characters_too(cells in prop::collection::vec("[a😀\u{fffd}\u{10ffff}]{1,6}", 1..5), cuts in cuts()) {
        let text = cells.join(",");
        for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be] {
            let bytes = encode(&text, encoding);
            let read = read_on(Reader::new(Format { encoding, ..comma() }, Limits::default()), &bytes, &cuts);
            let record = read[0].0.as_ref().unwrap();
            prop_assert_eq!(record.iter().collect::<Vec<_>>(), cells.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(record.end, bytes.len() as u64);
        }
    }

    #[test]
    fn it_resumes_after_every_record(text in text(), format in format()) {
        resumes(&encode(&text, format.encoding), format, Limits::default())?;
    }

    #[test]
    fn tight_limits_bite_alike_however_the_file_is_cut(text in text(), format in format(), cuts in cuts()) {
        let limits = Limits { cell_bytes: 5, record_bytes: 14, columns: 3 };
        let bytes = encode(&text, format.encoding);
        let whole = read_on(Reader::new(format, limits), &bytes, &[]);
        prop_assert_eq!(&read_on(Reader::new(format, limits), &bytes, &cuts), &whole);
        resumes(&bytes, format, limits)?;
    }

    #[test]
    fn any_bytes_are_read_to_the_end(bytes in prop::collection::vec(any::<u8>(), 0..80), format in format(), cuts in cuts()) {
        let whole = read_on(Reader::new(format, Limits::default()), &bytes, &[]);
        prop_assert_eq!(&read_on(Reader::new(format, Limits::default()), &bytes, &cuts), &whole);
    }
}
