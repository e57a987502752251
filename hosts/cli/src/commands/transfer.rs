//! `slackcrm contacts import`, `export` and their like.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use crm_core::transfer::{Counts, ExportList, Import as ImportRecord, ImportOptions, Transfers};
use crm_core::{Entity, Id, ListRequest, Session};
use indicatif::{ProgressBar, ProgressStyle};

use super::{file, jobs};
use crate::args::{Args, Export, Import, Output, Which};
use crate::failure::Failure;
use crate::file_source::FileSource;
use crate::print::{Sheet, remark};

/// Reads a file in, or says what would happen.
pub(crate) async fn import(session: &Session, entity: Entity, args: &Import, typed: &Args) -> Result<(), Failure> {
    let transfers = session.transfers();
    // Every file is looked at before the first row is written.
    let (mut source, options) = (opened(&args.file)?, args.options(&transfers)?);
    if let Some(companies) = &args.companies {
        if entity != Entity::Deal {
            return Err(Failure::new("--companies: belongs to an import of deals"));
        }
        transfers.check(entity, &mut source, &options).await?;
        read_companies(&transfers, companies, &options, args, typed).await?;
    }
    if args.dry_run {
        return preview(&transfers.preview(entity, &mut source, &options).await?, typed.output);
    }
    let id = match &args.resume {
        Some(id) => resumed(&transfers, entity, id).await?,
        None => transfers.start(entity, &mut source, options).await?.id,
    };
    announce(&format!("import {id}"));
    let import = read_in(&transfers, id, &args.file, &mut source, &hint(id, typed)).await?;
    report(&import, typed.output)?;
    let refused = args.failed.clone().unwrap_or_else(|| beside(&args.file));
    keep_failed(&transfers, &import, &refused).await
}

/// Reads the companies in that deals are about, and says beside the result what became of them.
async fn read_companies(
    transfers: &Transfers,
    file: &Path,
    deals: &ImportOptions,
    args: &Import,
    typed: &Args,
) -> Result<(), Failure> {
    let (mut source, options) = (opened(file)?, deals.of_companies());
    if args.dry_run {
        let counts = transfers.preview(Entity::Company, &mut source, &options).await?.counts;
        announce(&format!("companies: {}", would(counts)));
        return Ok(());
    }
    let id = transfers.start(Entity::Company, &mut source, options).await?.id;
    let by_itself = format!("slackcrm companies import {} --resume {id}{}", file.display(), typed.who());
    let hint = format!("what was read in stays; go on with {by_itself}, then import the deals again");
    let import = read_in(transfers, id, file, &mut source, &hint).await?;
    let Counts { created, updated, unchanged, failed } = import.counts;
    announce(&format!("companies: {created} created, {updated} updated, {unchanged} unchanged, {failed} failed"));
    keep_failed(transfers, &import, &beside(file)).await
}

/// How to go on with an import that was interrupted.
fn hint(id: Id<ImportRecord>, typed: &Args) -> String {
    format!("what was read in stays; go on with --resume {id}{}", typed.who())
}

fn opened(file: &Path) -> Result<FileSource, Failure> {
    FileSource::open(file).map_err(|error| Failure::new(format!("{}: {error}", file.display())))
}

/// Reads the rows of an import to the end, with a bar on a terminal.
async fn read_in(
    transfers: &Transfers,
    id: Id<ImportRecord>,
    file: &Path,
    source: &mut FileSource,
    hint: &str,
) -> Result<ImportRecord, Failure> {
    let bar = progress_bar(file)?;
    let result = transfers
        .run(id, source, &mut |import| {
            bar.set_position(import.offset);
            bar.set_message(format!("{} rows", import.rows));
        })
        .await;
    bar.finish_and_clear();
    Ok(result.map_err(|error| Failure::from(error).hint(hint.to_owned()))?.into_inner())
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
    fn options(&self, transfers: &Transfers) -> Result<ImportOptions, Failure> {
        let list =
            |file: &PathBuf| std::fs::read(file).map_err(|error| Failure::new(format!("{}: {error}", file.display())));
        let products = self.products.as_ref().map(list).transpose()?;
        let teams = self.teams.as_ref().map(list).transpose()?;
        let mut options = ImportOptions {
            products: products.map(|file| transfers.products(&file)).transpose()?.unwrap_or_default(),
            teams: teams.map(|file| transfers.teams(&file)).transpose()?.unwrap_or_default(),
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
    if output == Output::Table {
        println!();
    }
    remark(output, &would(preview.counts));
    for refused in &preview.errors {
        remark(output, &format!("line {}: {}: {}", refused.line, refused.field, refused.message));
    }
    let untold = preview.counts.failed.saturating_sub(preview.errors.len() as u64);
    if untold > 0 {
        remark(output, &format!("and {untold} more; an import keeps all of them in a file"));
    }
    for warning in &preview.warnings {
        remark(output, &format!("warning: {warning}"));
    }
    Ok(())
}

/// What an import would do, in words.
fn would(counts: Counts) -> String {
    let Counts { created, updated, unchanged, failed } = counts;
    format!("would create {created}, update {updated}, leave {unchanged} and refuse {failed}")
}

/// Writes the refused rows to a file, where there are some.
async fn keep_failed(transfers: &Transfers, import: &ImportRecord, path: &Path) -> Result<(), Failure> {
    if import.counts.failed > 0 {
        file::write(path, transfers.failed_rows(import.id)).await?;
        announce(&format!("refused rows: {}", path.display()));
    }
    Ok(())
}

/// `contacts.csv` → `contacts.failed.csv`.
fn beside(file: &Path) -> PathBuf {
    file.with_extension("failed.csv")
}

/// Writes a list as CSV, or lets a job write it.
pub(crate) async fn export(session: &Session, entity: Entity, args: &Export, output: Output) -> Result<(), Failure> {
    if args.job {
        let Which { filter, q, sort } = &args.which;
        let list = ExportList { filter: filter.clone(), sort: sort.clone(), q: q.clone() };
        let job = session.transfers().begin_export(entity, list).await?;
        return jobs::show(&job, output);
    }
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
