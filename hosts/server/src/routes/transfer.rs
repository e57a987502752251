//! Files in and out, for every kind of record alike.

use std::time::Duration;

use actix_multipart::Multipart;
use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION,
};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use crm_core::job::{Spool, Task, Upload};
use crm_core::store::IdempotencyKey;
use crm_core::transfer::ImportOptions;
use crm_core::{Entity, Error, Result, Session};
use futures::{Stream, StreamExt as _};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};

use crate::answer::json;
use crate::extract::{decode, idempotency_key};
use crate::refusal::{Answer, Refusal};

/// Most bytes of a file: 2 GiB.
const UPLOAD_LIMIT: u64 = 2 * 1024 * 1024 * 1024;
/// Most bytes of the options beside a file.
const OPTIONS_LIMIT: usize = 256 * 1024;
/// How long nothing may come while a file is sent.
const SILENCE: Duration = Duration::from_secs(30);

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
}

/// Takes a file and begins its import, or says what that would do.
pub(super) async fn import(
    session: Session,
    entity: Entity,
    request: &HttpRequest,
    params: ImportParams,
    payload: Payload,
) -> Answer<HttpResponse> {
    let mut spool = session.transfers().receive()?;
    let options = match receive(request, &params, payload, &mut spool).await {
        Ok(options) => options,
        Err(refusal) => {
            spool.discard().await?;
            return Err(refusal);
        }
    };
    let upload = spool.finish().await?;
    let begun = match params.dry_run {
        true => preview(&session, entity, &upload, options).await,
        false => begin(session.clone(), entity, request, &upload, options).await,
    };
    if params.dry_run || begun.is_err() {
        session.transfers().forget(&upload).await?;
    }
    begun
}

/// Says what an import would do.
async fn preview(
    session: &Session,
    entity: Entity,
    upload: &Upload,
    options: Map<String, Value>,
) -> Answer<HttpResponse> {
    let text = serde_json::to_vec(&options).map_err(Refusal::internal)?;
    let options: ImportOptions = decode(&text)?;
    let mut file = session.transfers().spooled(upload)?;
    let preview = session.transfers().preview(entity, &mut file, &options).await?;
    Ok(json(HttpResponse::Ok(), &preview))
}

/// Begins an import, once under the caller's key.
async fn begin(
    session: Session,
    entity: Entity,
    request: &HttpRequest,
    upload: &Upload,
    options: Map<String, Value>,
) -> Answer<HttpResponse> {
    let text = serde_json::to_vec(&options).map_err(Refusal::internal)?;
    let options: ImportOptions = decode(&text)?;
    let session = match idempotency_key(request, &[])? {
        Some(key) => session.once(IdempotencyKey { body: digest(upload, &text), ..key }),
        None => session,
    };
    let job = session.transfers().begin(entity, upload, options).await?;
    if !matches!(job.task, Task::Import { upload_id, .. } if upload_id == upload.id) {
        // The first request under the key has its own copy.
        session.transfers().forget(upload).await?;
    }
    let mut response = HttpResponse::Accepted();
    response.insert_header((LOCATION, format!("{}/jobs/{}", super::API, job.id)));
    Ok(json(response, &job))
}

/// What a repeated upload is known by.
fn digest(upload: &Upload, options: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(upload.digest);
    hash.update(options);
    hash.finalize().into()
}

/// Spools the file of a request and gives the options beside it.
async fn receive(
    request: &HttpRequest,
    params: &ImportParams,
    payload: Payload,
    spool: &mut Spool,
) -> Answer<Map<String, Value>> {
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
            copy(payload, spool).await?;
            Ok(named)
        }
        Some("multipart/form-data") => receive_form(request, named, payload, spool).await,
        _ => Err(Refusal::unsupported_media("the body must be text/csv, or multipart/form-data with file and options")),
    }
}

async fn receive_form(
    request: &HttpRequest,
    named: Map<String, Value>,
    payload: Payload,
    spool: &mut Spool,
) -> Answer<Map<String, Value>> {
    if let Some(name) = named.keys().next() {
        return Err(Error::invalid(name, "misplaced", "belongs into the form's options").into());
    }
    let mut form = Multipart::new(request.headers(), payload);
    let (mut options, mut has_file) = (None, false);
    while let Some(part) = in_time(form.next()).await? {
        let part = part.map_err(|error| bad_form(&error))?;
        match part.name().unwrap_or_default() {
            "file" if !has_file => {
                has_file = true;
                copy(part, spool).await?;
            }
            "options" if options.is_none() => options = Some(decode(&text(part).await?)?),
            name @ ("file" | "options") => return Err(Error::invalid(name, "duplicate", "is there twice").into()),
            name => {
                let message = "is not a part of this form: it has file and options";
                return Err(Error::invalid(name, "unknown_field", message).into());
            }
        }
    }
    if !has_file {
        return Err(Error::invalid("file", "required", "is required").into());
    }
    Ok(options.unwrap_or_default())
}

/// Spools a stream of bytes.
async fn copy<E>(
    mut stream: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    spool: &mut Spool,
) -> Answer<()> {
    while let Some(bytes) = in_time(stream.next()).await? {
        let bytes = bytes.map_err(|_| Refusal::broken_body())?;
        if spool.bytes() + bytes.len() as u64 > UPLOAD_LIMIT {
            return Err(too_large());
        }
        spool.write(&bytes).await?;
    }
    Ok(())
}

/// The bytes of a small part.
async fn text<E>(mut stream: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin) -> Answer<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(bytes) = in_time(stream.next()).await? {
        all.extend_from_slice(&bytes.map_err(|_| Refusal::broken_body())?);
        if all.len() > OPTIONS_LIMIT {
            return Err(Refusal::too_large(OPTIONS_LIMIT));
        }
    }
    Ok(all)
}

async fn in_time<T>(next: impl Future<Output = T>) -> Answer<T> {
    tokio::time::timeout(SILENCE, next).await.map_err(|_| Refusal::slow_body())
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
