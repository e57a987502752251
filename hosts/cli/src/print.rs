//! Tables, JSON and CSV for people and pipes.

use std::collections::BTreeSet;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use crm_core::Currency;
use serde::Serialize;
use serde_json::Value;

use crate::args::Output;
use crate::cell::Cell;
use crate::failure::Failure;

/// Rows under headers; numbers stand to the right.
pub(crate) struct Sheet {
    headers: Vec<&'static str>,
    numeric: Vec<bool>,
    rows: Vec<Vec<Cell>>,
}

impl Sheet {
    /// A sheet with these columns; a header that ends in `#` is a column of numbers.
    pub(crate) fn new(headers: &[&'static str]) -> Self {
        Self {
            numeric: headers.iter().map(|header| header.ends_with('#')).collect(),
            headers: headers.iter().map(|header| header.trim_end_matches('#')).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.into_iter().map(Cell::from).collect());
    }

    /// Adds a row of figures.
    pub(crate) fn figures(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Prints the sheet, or for JSON the data behind it.
    pub(crate) fn print(&self, output: Output, data: &impl Serialize) -> Result<(), Failure> {
        match output {
            Output::Table => println!("{}", self.table()),
            Output::Json => print_json(data)?,
            Output::Csv => print!("{}", self.csv()),
        }
        Ok(())
    }

    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.headers.clone());
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| plain(&cell.shown())));
        }
        for (at, numeric) in self.numeric.iter().enumerate() {
            if let (true, Some(column)) = (*numeric, table.column_mut(at)) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    fn csv(&self) -> String {
        let mut writer = crm_core::transfer::writer::Writer::new(b',');
        let columns: Vec<_> =
            self.headers.iter().enumerate().flat_map(|(at, header)| self.columns(at, header)).collect();
        writer.row(columns.iter().map(|column| column.header.as_str()));
        for row in &self.rows {
            let bare = |column: &Column| row.get(column.at).map(|cell| cell.bare(column.currency)).unwrap_or_default();
            let cells: Vec<String> = columns.iter().map(bare).collect();
            writer.row(cells.iter().map(String::as_str));
        }
        String::from_utf8_lossy(&writer.take()).into_owned()
    }

    /// What becomes of a column in CSV: amounts have a column a currency, so that each is of numbers alone.
    fn columns(&self, at: usize, header: &str) -> Vec<Column> {
        let has_amounts = self.rows.iter().any(|row| matches!(row.get(at), Some(Cell::Money(_))));
        // Those of all columns, so that all of them are parted alike.
        let amounts = self.rows.iter().flatten().flat_map(Cell::amounts);
        let currencies: BTreeSet<Currency> = amounts.map(|money| money.currency).collect();
        if !has_amounts || currencies.is_empty() {
            return vec![Column { header: header.to_owned(), at, currency: None }];
        }
        let of = |currency: Currency| Column { header: format!("{header} {currency}"), at, currency: Some(currency) };
        currencies.into_iter().map(of).collect()
    }
}

/// A column of CSV.
struct Column {
    header: String,
    /// The column of the sheet that it comes from.
    at: usize,
    /// The currency of its amounts.
    currency: Option<Currency>,
}

/// The text with what would steer a terminal made visible: control characters, and those that turn
/// the direction of writing. Files from strangers hold them.
pub(crate) fn plain(text: &str) -> String {
    let steers = |char: char| char.is_control() || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        match steers(char) {
            true => shown.extend(char.escape_default()),
            false => shown.push(char),
        }
    }
    shown
}

/// Says a line that belongs to a result: below a table, beside CSV; JSON holds it already.
#[expect(clippy::print_stderr, reason = "standard output holds nothing but the CSV")]
pub(crate) fn remark(output: Output, line: &str) {
    match output {
        Output::Table => println!("{}", plain(line)),
        Output::Csv => eprintln!("{}", plain(line)),
        Output::Json => {}
    }
}

/// Prints one record: a row a field.
pub(crate) fn record(output: Output, record: &impl Serialize) -> Result<(), Failure> {
    let image = serde_json::to_value(record).map_err(|error| Failure::new(error.to_string()))?;
    let mut sheet = Sheet::new(&["Field", "Value"]);
    for (field, value) in image.as_object().into_iter().flatten() {
        sheet.row(vec![field.clone(), cell(value)]);
    }
    sheet.print(output, record)
}

/// A value in a cell: texts as they are, several between commas, and what has parts as JSON.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().map(cell).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// The word that a name of a closed list has on the wire.
pub(crate) fn word(name: &impl Serialize) -> String {
    serde_json::to_value(name).map(|value| cell(&value)).unwrap_or_default()
}

/// Says that a record is deleted.
pub(crate) fn deleted(output: Output, id: impl std::fmt::Display) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["Deleted"]);
    sheet.row(vec![id.to_string()]);
    sheet.print(output, &serde_json::json!({"deleted": id.to_string()}))
}

/// Prints data as JSON over several lines.
pub(crate) fn print_json(data: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(data).map_err(|error| Failure::new(error.to_string()))?;
    println!("{text}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_and_not_obeyed() {
        assert_eq!(plain("a\u{1b}[2Jb\u{9b}c\r\n\u{202e}d\0"), "a\\u{1b}[2Jb\\u{9b}c\\r\\n\\u{202e}d\\u{0}");
        assert_eq!(plain("Zoë Müller, 東京"), "Zoë Müller, 東京");
    }
}
