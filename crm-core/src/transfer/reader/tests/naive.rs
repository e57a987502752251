//! A parser of whole strings, character by character: slow, obvious, and written apart from the
//! reader that it judges.

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// A record that starts on a line.
    Cells(u64, Vec<String>),
    /// A quote that opens on a line and never closes.
    Unclosed(u64),
}

/// Every row of the text; after an unclosed quote, on with the line after it.
pub(super) fn naive(text: &str, delimiter: char) -> Vec<Row> {
    let letters: Vec<char> = text.chars().collect();
    let mut rows = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let line = line_of(&letters, at);
        match record(&letters, at, delimiter) {
            Ok((cells, quoted, next)) => {
                let blank =
                    cells.len() == 1 && !quoted && cells[0].chars().all(|letter| letter == ' ' || letter == '\t');
                if !blank {
                    rows.push(Row::Cells(line, cells));
                }
                at = next;
            }
            Err(quote) => {
                rows.push(Row::Unclosed(line_of(&letters, quote)));
                at = quote;
                while at < letters.len() && !is_line_end(&letters, at) {
                    at += 1;
                }
                at = after_line_end(&letters, at);
            }
        }
    }
    rows
}

/// The cells of one record, whether one is quoted, and where the next begins; else the open quote.
fn record(letters: &[char], mut at: usize, delimiter: char) -> Result<(Vec<String>, bool, usize), usize> {
    let mut cells = Vec::new();
    let mut any_quoted = false;
    loop {
        let mut cell = String::new();
        if letters.get(at) == Some(&'"') {
            any_quoted = true;
            let quote = at;
            at += 1;
            loop {
                match (letters.get(at), letters.get(at + 1)) {
                    (None, _) => return Err(quote),
                    (Some('"'), Some('"')) => {
                        cell.push('"');
                        at += 2;
                    }
                    (Some('"'), next) => {
                        let closes = |next: &char| *next == delimiter || next.is_ascii_whitespace();
                        if cell.contains(['\r', '\n']) && next.is_some_and(|next| !closes(next)) {
                            return Err(quote);
                        }
                        at += 1;
                        break;
                    }
                    (Some(letter), _) => {
                        cell.push(*letter);
                        at += 1;
                    }
                }
            }
        }
        while at < letters.len() && letters[at] != delimiter && !is_line_end(letters, at) {
            cell.push(letters[at]);
            at += 1;
        }
        cells.push(cell);
        if letters.get(at) != Some(&delimiter) {
            return Ok((cells, any_quoted, after_line_end(letters, at)));
        }
        at += 1;
    }
}

fn is_line_end(letters: &[char], at: usize) -> bool {
    matches!(letters[at], '\r' | '\n')
}

fn after_line_end(letters: &[char], at: usize) -> usize {
    let crlf = letters.get(at) == Some(&'\r') && letters.get(at + 1) == Some(&'\n');
    (at + if crlf { 2 } else { 1 }).min(letters.len())
}

fn line_of(letters: &[char], at: usize) -> u64 {
    let before: String = letters[..at].iter().collect();
    1 + before.replace("\r\n", "\n").replace('\r', "\n").matches('\n').count() as u64
}
