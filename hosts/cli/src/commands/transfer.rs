//! `slackcrm contacts import`, `export` and their like.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use crm_core::transfer::{Counts, Import as ImportRecord, ImportOptions, Transfers};
use crm_core::{Entity, Id, ListRequest, Session};
use futures::Stream;
use indicatif::{ProgressBar, ProgressStyle};

use super::file;
use crate::args::{Args, Export, Import, Output, Which};
use crate::failure::Failure;
use crate::file_source::FileSource;
use crate::print::{Sheet, remark};

/// Reads a file in, or says what would happen.
pub(crate) async fn import(session: &Session, entity: Entity, args: &Import, typed: &Args) -> Result<(), Failure> {
    let mut source =
        FileSource::open(&args.file).map_err(|error| Failure::new(format!("{}: {error}", args.file.display())))?;
    let transfers = session.transfers();
    if args.dry_run {
        return preview(&transfers.preview(entity, &mut source, &args.options()?).await?, typed.output);
    }
    let id = match &args.resume {
        Some(id) => resumed(&transfers, entity, id).await?,
        None => transfers.start(entity, &mut source, args.options()?).await?.id,
    };
    let bar = progress_bar(&args.file)?;
    announce(&format!("import {id}"));
    let result = transfers
        .run(id, &mut source, &mut |import| {
            bar.set_position(import.offset);
            bar.set_message(format!("{} rows", import.rows));
        })
        .await;
    bar.finish_and_clear();
    let import = result.map_err(|error| {
        let failure = Failure::from(error);
        failure.hint(format!("what was read in stays; go on with --resume {id}{}", typed.who()))
    })?;
    report(&import, typed.output)?;
    match import.counts.failed {
        0 => Ok(()),
        _ => keep_failed(transfers.failed_rows(id), args).await,
    }
}

/// The import to go on with, which must read the kind of rows that was typed.
async fn resumed(transfers: &Transfers, entity: Entity, id: &str) -> Result<Id<ImportRecord>, Failure> {
    let id = id.parse().map_err(|_| Failure::new(format!("--resume {id}: is not the id of an import")))?;
    let import = transfers.read(id).await?;
    match import.entity == entity {
        true => Ok(id),
        false => Err(Failure::new(format!("--resume {id}: reads each row as a {}, not as a {entity}", import.entity))),
    }
}

impl Import {
    /// The options as they were typed.
    fn options(&self) -> Result<ImportOptions, Failure> {
        let mut options = ImportOptions {
            on_duplicate: self.on_duplicate,
            create_missing: !self.no_create_missing,
            create_fields: self.create_fields,
            date_format: self.date_format,
            encoding: self.encoding,
            delimiter: self.delimiter,
            ..ImportOptions::default()
        };
        for pair in &self.mapping {
            let (column, field) =
                pair.rsplit_once('=').ok_or_else(|| Failure::new(format!("--map {pair}: is not COLUMN=FIELD")))?;
            options.mapping.insert(column.to_owned(), field.to_owned());
        }
        for value in &self.values {
            let parts = value.split_once(':').and_then(|(field, pair)| Some((field, pair.split_once('=')?)));
            let (field, (from, to)) =
                parts.ok_or_else(|| Failure::new(format!("--value {value}: is not FIELD:FROM=TO")))?;
            options.values.entry(field.to_owned()).or_default().insert(from.to_owned(), to.to_owned());
        }
        Ok(options)
    }
}

/// Says something beside the result, as the import's id before it runs, by which it can be resumed
/// however it ends.
#[expect(clippy::print_stderr, reason = "standard output is for the result")]
fn announce(line: &str) {
    eprintln!("{line}");
}

/// A bar over the file's bytes, on a terminal alone.
fn progress_bar(file: &Path) -> Result<ProgressBar, Failure> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let bytes = std::fs::metadata(file)?.len();
    let style = ProgressStyle::with_template("{bar:40} {percent}% {msg} {bytes_per_sec} {eta}")
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(ProgressBar::new(bytes).with_style(style))
}

/// Says what became of the rows.
fn report(import: &ImportRecord, output: Output) -> Result<(), Failure> {
    let counts = import.counts;
    let mut sheet = Sheet::new(&["Import", "Rows#", "Created#", "Updated#", "Unchanged#", "Failed#"]);
    let numbers = [import.rows, counts.created, counts.updated, counts.unchanged, counts.failed];
    let mut row = vec![import.id.to_string()];
    row.extend(numbers.map(|number| number.to_string()));
    sheet.row(row);
    sheet.print(output, import)?;
    for warning in &import.warnings {
        remark(output, &format!("warning: {warning}"));
    }
    Ok(())
}

/// Says what an import would do.
fn preview(preview: &crm_core::transfer::Preview, output: Output) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["Column", "Field", "First value"]);
    for column in &preview.columns {
        let sample = column.samples.first().cloned().unwrap_or_default();
        sheet.row(vec![column.header.clone(), column.field.clone().unwrap_or_else(|| "-".to_owned()), sample]);
    }
    sheet.print(output, preview)?;
    let Counts { created, updated, unchanged, failed } = preview.counts;
    let would = format!("would create {created}, update {updated}, leave {unchanged} and refuse {failed}");
    if output == Output::Table {
        println!();
    }
    remark(output, &would);
    for refused in &preview.errors {
        remark(output, &format!("line {}: {}: {}", refused.line, refused.field, refused.message));
    }
    let untold = failed.saturating_sub(preview.errors.len() as u64);
    if untold > 0 {
        remark(output, &format!("and {untold} more; an import keeps all of them in a file"));
    }
    for warning in &preview.warnings {
        remark(output, &format!("warning: {warning}"));
    }
    Ok(())
}

/// Writes the refused rows beside the file, or where the person said.
async fn keep_failed(rows: impl Stream<Item = crm_core::Result<Vec<u8>>>, args: &Import) -> Result<(), Failure> {
    let path = args.failed.clone().unwrap_or_else(|| beside(&args.file));
    file::write(&path, rows).await?;
    announce(&format!("refused rows: {}", path.display()));
    Ok(())
}

/// `contacts.csv` → `contacts.failed.csv`.
fn beside(file: &Path) -> PathBuf {
    file.with_extension("failed.csv")
}

/// Writes a list as CSV.
pub(crate) async fn export(session: &Session, entity: Entity, args: &Export) -> Result<(), Failure> {
    let rows = session.transfers().export(entity, args.which.request());
    match &args.to {
        None => file::write_all(rows, std::io::stdout().lock()).await,
        Some(path) => file::write(path, rows).await,
    }
}

impl Which {
    /// The list as it was typed.
    pub(crate) fn request(&self) -> ListRequest {
        ListRequest {
            filter: self.filter.clone(),
            q: self.q.clone(),
            sort: self.sort.clone(),
            ..ListRequest::default()
        }
    }
}
