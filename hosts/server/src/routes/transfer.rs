//! Files in and out, for every kind of record alike.

use std::time::{Duration, Instant};

use actix_multipart::Multipart;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse, Responder as _};
use crm_core::job::{Spool, Upload};
use crm_core::store::IdempotencyKey;
use crm_core::transfer::{ImportOptions, TABLE_BYTES};
use crm_core::{Entity, Error, Result, Session};
use futures::{Stream, StreamExt as _};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};

use crate::answer::{Accepted, json};
use crate::extract::{decode, idempotency_key};
use crate::refusal::{Answer, Refusal};

/// Most bytes of a file: 2 GiB.
const UPLOAD_LIMIT: u64 = 2 * 1024 * 1024 * 1024;
/// Most bytes of the options beside a file.
const OPTIONS_LIMIT: usize = 256 * 1024;
/// Rows that a dry run decides about: its client waits for the answer.
const PREVIEWED_ROWS: u64 = 100_000;
/// How long nothing may come while a file is sent.
const SILENCE: Duration = Duration::from_secs(30);
/// Fewest bytes a second, on the whole, of a file or a part of a form that has been coming for longer than that.
const LEAST_RATE: f64 = 1024.0;

/// How a file is read that is the body itself; beside `options` of a form, only `dry_run` is.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportParams {
    /// Whether to say what the import would do, and do nothing.
    #[serde(default)]
    #[param(required = false)]
    dry_run: bool,
    /// Column header to field, as a JSON object.
    mapping: Option<String>,
    /// What to do with known records.
    #[param(value_type = Option<crm_core::transfer::DuplicatePolicy>)]
    on_duplicate: Option<String>,
    /// Whether to make stages, members, companies and tags that the file names.
    create_missing: Option<bool>,
    /// Whether to define a custom field for each column that matches nothing.
    create_fields: Option<bool>,
    /// Other spellings of values by field, as a JSON object.
    values: Option<String>,
    /// The order of day, month and year.
    #[param(value_type = Option<crm_core::transfer::date::DateFormat>)]
    date_format: Option<String>,
    /// The file's encoding.
    #[param(value_type = Option<crm_core::transfer::format::Encoding>)]
    encoding: Option<String>,
    /// What separates cells.
    #[param(min_length = 1, max_length = 1)]
    delimiter: Option<String>,
}

impl ImportParams {
    /// The options that it names, as JSON: they are read by one and the same code.
    fn options(&self) -> Result<Map<String, Value>> {
        let object = |name: &str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => serde_json::from_str::<Map<String, Value>>(text)
                .map(|object| Some(Value::Object(object)))
                .map_err(|_| Error::invalid(name, "value_type", "must be a JSON object")),
        };
        let text = |text: &Option<String>| text.clone().map(Value::String);
        let named = [
            ("mapping", object("mapping", &self.mapping)?),
            ("on_duplicate", text(&self.on_duplicate)),
            ("create_missing", self.create_missing.map(Value::Bool)),
            ("create_fields", self.create_fields.map(Value::Bool)),
            ("values", object("values", &self.values)?),
            ("date_format", text(&self.date_format)),
            ("encoding", text(&self.encoding)),
            ("delimiter", text(&self.delimiter)),
        ];
        Ok(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }
}

/// A file to be imported, as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the form, which is read as it comes")]
pub(super) struct ImportForm {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// How it shall be read.
    options: Option<ImportOptions>,
    /// Beside deals: a file of companies, read in before them by the same job.
    #[schema(value_type = String, format = Binary, required = false)]
    companies: Option<Vec<u8>>,
    /// Beside deals: a list of products with their prices, in place of `products` among the options.
    #[schema(value_type = String, format = Binary, required = false)]
    products: Option<Vec<u8>>,
    /// Beside deals: a list of people with their managers and offices, in place of `teams` among the options.
    #[schema(value_type = String, format = Binary, required = false)]
    teams: Option<Vec<u8>>,
}

/// What came of a request.
struct Received {
    file: Spool,
    companies: Option<Spool>,
    options: Map<String, Value>,
    products: Option<Vec<u8>>,
    teams: Option<Vec<u8>>,
}

/// The files of a request, whole.
struct Files {
    file: Upload,
    companies: Option<Upload>,
}

impl Received {
    /// Forgets what came.
    async fn discard(self) -> Result<()> {
        if let Some(companies) = self.companies {
            companies.discard().await?;
        }
        self.file.discard().await
    }

    /// The files, whole.
    async fn finish(self) -> Result<Files> {
        let (file, companies) = self.file.finish_with(self.companies).await?;
        Ok(Files { file, companies })
    }
}

impl Files {
    async fn forget(&self, session: &Session) -> Result<()> {
        for file in self.companies.iter().chain([&self.file]) {
            session.transfers().forget(file).await?;
        }
        Ok(())
    }

    /// What a repeated request is known by.
    fn digest(&self, options: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        self.companies.iter().chain([&self.file]).for_each(|file| hash.update(file.digest));
        hash.update(options);
        hash.finalize().into()
    }
}

/// The options, with the lists that came as files of their own.
fn merged(session: &Session, received: &mut Received) -> Answer<ImportOptions> {
    let (products, teams) = (received.products.take(), received.teams.take());
    let mut options: ImportOptions = decode(&serde_json::to_vec(&received.options).map_err(Refusal::internal)?)?;
    let twice = |name| Err(Error::invalid(name, "duplicate", "is there as a file and among the options").into());
    match products {
        Some(_) if !options.products.is_empty() => return twice("products"),
        Some(file) => options.products = session.transfers().products(&file)?,
        None => {}
    }
    match teams {
        Some(_) if !options.teams.is_empty() => return twice("teams"),
        Some(file) => options.teams = session.transfers().teams(&file)?,
        None => {}
    }
    Ok(options)
}

/// Takes a file and begins its import, or says what that would do.
pub(super) async fn import(
    session: Session,
    entity: Entity,
    request: &HttpRequest,
    params: ImportParams,
    payload: Payload,
) -> Answer<HttpResponse> {
    let file = session.transfers().receive()?;
    let mut received = Received { file, companies: None, options: Map::new(), products: None, teams: None };
    let (options, key) = match taken(&session, entity, request, &params, payload, &mut received).await {
        Ok(taken) => taken,
        Err(refusal) => {
            received.discard().await?;
            return Err(refusal);
        }
    };
    let files = received.finish().await?;
    match params.dry_run {
        true => preview(&session, entity, &files, &options).await,
        false => begin(session, entity, key, &files, options).await.map(|job| job.respond_to(request)),
    }
}

/// Takes what comes; gives how it shall be read, and the caller's key.
async fn taken(
    session: &Session,
    entity: Entity,
    request: &HttpRequest,
    params: &ImportParams,
    payload: Payload,
    received: &mut Received,
) -> Answer<(ImportOptions, Option<IdempotencyKey>)> {
    receive(entity, request, params, payload, received).await?;
    Ok((merged(session, received)?, idempotency_key(request, &[])?))
}

/// Says what an import would do, and keeps nothing.
async fn preview(session: &Session, entity: Entity, files: &Files, options: &ImportOptions) -> Answer<HttpResponse> {
    let transfers = session.transfers().looking_at(PREVIEWED_ROWS);
    let looked = async {
        let mut file = transfers.spooled(&files.file)?;
        match &files.companies {
            Some(companies) => {
                let mut companies = transfers.spooled(companies)?;
                transfers.preview_with_companies(&mut file, options, &mut companies).await
            }
            None => transfers.preview(entity, &mut file, options).await,
        }
    };
    let preview = looked.await;
    files.forget(session).await?;
    Ok(json(HttpResponse::Ok(), &preview?))
}

/// Begins an import, once under the caller's key.
async fn begin(
    session: Session,
    entity: Entity,
    key: Option<IdempotencyKey>,
    files: &Files,
    options: ImportOptions,
) -> Answer<Accepted> {
    let text = serde_json::to_vec(&options).map_err(Refusal::internal)?;
    let session = match key {
        Some(key) => session.once(IdempotencyKey { body: files.digest(&text), ..key }),
        None => session,
    };
    let job = match &files.companies {
        Some(companies) => session.transfers().begin_with_companies(&files.file, options, companies).await?,
        None => session.transfers().begin(entity, &files.file, options).await?,
    };
    Ok(Accepted(job))
}

/// Takes the file of a request and what lies beside it.
async fn receive(
    entity: Entity,
    request: &HttpRequest,
    params: &ImportParams,
    payload: Payload,
    received: &mut Received,
) -> Answer<()> {
    let announced = header(request, CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > UPLOAD_LIMIT) {
        return Err(too_large());
    }
    if header(request, CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Refusal::unsupported_media("the body must not be compressed"));
    }
    let named = params.options()?;
    let media = header(request, CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    match media.split(';').next().map(str::trim) {
        Some("text/csv") => {
            received.options = named;
            copy(payload, &mut received.file).await
        }
        Some("multipart/form-data") => {
            if let Some(name) = named.keys().next() {
                return Err(Error::invalid(name, "misplaced", "belongs into the form's options").into());
            }
            receive_form(entity, Multipart::new(request.headers(), payload), received).await
        }
        _ => Err(Refusal::unsupported_media("the body must be text/csv, or multipart/form-data with file and options")),
    }
}

async fn receive_form(entity: Entity, mut form: Multipart, received: &mut Received) -> Answer<()> {
    let mut seen: Vec<String> = Vec::new();
    while let Some(part) = in_time(form.next()).await? {
        let part = part.map_err(|error| bad_form(&error))?;
        let name = part.name().unwrap_or_default().to_owned();
        if seen.contains(&name) {
            return Err(Error::invalid(name, "duplicate", "is there twice").into());
        }
        match name.as_str() {
            "file" => copy(part, &mut received.file).await?,
            "options" => received.options = decode(&text(part, OPTIONS_LIMIT).await?)?,
            "companies" | "products" | "teams" if entity != Entity::Deal => {
                return Err(Error::invalid(name, "misplaced", "belongs to an import of deals").into());
            }
            "companies" => {
                let companies = received.companies.insert(received.file.beside());
                copy(part, companies).await?;
            }
            "products" => received.products = Some(text(part, TABLE_BYTES).await?),
            "teams" => received.teams = Some(text(part, TABLE_BYTES).await?),
            _ => {
                let message = "is not a part of this form: it has file and options, beside deals also companies, \
                               products and teams";
                return Err(Error::invalid(name, "unknown_field", message).into());
            }
        }
        seen.push(name);
    }
    match seen.iter().any(|name| name == "file") {
        true => Ok(()),
        false => Err(Error::invalid("file", "required", "is required").into()),
    }
}

/// Spools a stream of bytes.
async fn copy<E>(
    mut stream: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    spool: &mut Spool,
) -> Answer<()> {
    let (began, before) = (Instant::now(), spool.bytes());
    while let Some(bytes) = in_time(stream.next()).await? {
        if is_too_slow(spool.bytes() - before, began.elapsed()) {
            return Err(Refusal::slow_body());
        }
        let bytes = bytes.map_err(|_| Refusal::broken_body())?;
        if spool.bytes() + bytes.len() as u64 > UPLOAD_LIMIT {
            return Err(too_large());
        }
        spool.write(&bytes).await?;
    }
    Ok(())
}

/// The bytes of a small part.
async fn text<E>(
    mut stream: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    limit: usize,
) -> Answer<Vec<u8>> {
    let (began, mut all) = (Instant::now(), Vec::new());
    while let Some(bytes) = in_time(stream.next()).await? {
        if is_too_slow(all.len() as u64, began.elapsed()) {
            return Err(Refusal::slow_body());
        }
        all.extend_from_slice(&bytes.map_err(|_| Refusal::broken_body())?);
        if all.len() > limit {
            return Err(Refusal::too_large(limit));
        }
    }
    Ok(all)
}

async fn in_time<T>(next: impl Future<Output = T>) -> Answer<T> {
    tokio::time::timeout(SILENCE, next).await.map_err(|_| Refusal::slow_body())
}

/// Whether a file or a part of a form comes as slowly as nobody sends one who means it.
fn is_too_slow(bytes: u64, took: Duration) -> bool {
    took > SILENCE && (bytes as f64) < LEAST_RATE * took.as_secs_f64()
}

fn bad_form(error: &actix_multipart::MultipartError) -> Refusal {
    match error {
        actix_multipart::MultipartError::Incomplete | actix_multipart::MultipartError::Payload(_) => {
            Refusal::broken_body()
        }
        error => Error::invalid("body", "form", format!("is not a form: {error}")).into(),
    }
}

fn too_large() -> Refusal {
    Refusal::too_large(usize::try_from(UPLOAD_LIMIT).unwrap_or(usize::MAX))
}

fn header(request: &HttpRequest, name: HeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

/// A file that is sent while it is written. What fails before its first piece is refused; what fails
/// later cuts the file off, so that nobody takes it for whole.
pub(super) async fn download(
    name: &str,
    pieces: impl Stream<Item = Result<Vec<u8>>> + Send + 'static,
) -> Answer<HttpResponse> {
    let mut pieces = Box::pin(pieces);
    let first = pieces.next().await.transpose()?.unwrap_or_default();
    let all = futures::stream::once(async move { Ok(first) }).chain(pieces);
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"));
    response.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")));
    Ok(response.streaming(all.map(|piece: Result<Vec<u8>>| {
        piece.map(Bytes::from).map_err(|error| {
            tracing::error!(?error, "a file was cut off");
            actix_web::Error::from(Refusal::from(error))
        })
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_come_slowly_but_not_for_ever() {
        let seconds = Duration::from_secs;
        assert!(!is_too_slow(0, seconds(30)));
        assert!(is_too_slow(31 * 1024 - 1, seconds(31)) && !is_too_slow(31 * 1024, seconds(31)));
        assert!(is_too_slow(1024 * 1024, seconds(3_600)));
    }
}
