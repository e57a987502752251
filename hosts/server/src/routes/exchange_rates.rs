//! Exchange rates over HTTP.

use actix_web::{delete, get, post, put};
use crm_core::Page;
use crm_core::access::View;
use crm_core::exchange_rate::{ExchangeRate, ExchangeRateChange, ExchangeRatesRequest, NewExchangeRate};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, Done, Found, Settled};
use crate::extract::{Expected, Json, Once, Query, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(set).service(read).service(replace).service(delete);
}

/// Exchange rates, the latest day first, then by pair.
#[utoipa::path(tag = "exchange rates", operation_id = "list_exchange_rates", params(ExchangeRatesRequest), responses((status = 200, body = Page<ExchangeRate>)))]
#[get("")]
async fn list(
    Signed(session, Query(request)): Signed<Query<ExchangeRatesRequest>>,
) -> Answer<Body<Page<View<ExchangeRate>>>> {
    Ok(Body(session.exchange_rates().list(&request).await?))
}

/// Set the rate of a pair from a day on: make it, or change the one that the pair has from that day on.
#[utoipa::path(tag = "exchange rates", operation_id = "set_exchange_rate", request_body = NewExchangeRate, responses((status = 200, description = "The pair had a rate from that day on.", body = ExchangeRate), (status = 201, body = ExchangeRate)))]
#[post("")]
async fn set(Once(session, new): Once<NewExchangeRate>) -> Answer<Settled> {
    Ok(Settled(session.exchange_rates().set(new).await?))
}

/// One exchange rate.
#[utoipa::path(tag = "exchange rates", operation_id = "read_exchange_rate", responses((status = 200, body = ExchangeRate)))]
#[get("/{id}")]
async fn read(Signed(session, RecordId(id)): Signed<RecordId<ExchangeRate>>) -> Answer<Found<ExchangeRate>> {
    Ok(Found(session.exchange_rates().read(id).await?))
}

/// Give a rate another number, in either direction; its pair and its day stay.
#[utoipa::path(tag = "exchange rates", operation_id = "replace_exchange_rate", request_body = ExchangeRateChange, responses((status = 200, body = ExchangeRate)))]
#[put("/{id}")]
async fn replace(
    Signed(session, (RecordId(id), Expected(expect), Json(change))): Signed<(
        RecordId<ExchangeRate>,
        Expected,
        Json<ExchangeRateChange>,
    )>,
) -> Answer<Found<ExchangeRate>> {
    Ok(Found(session.exchange_rates().update(id, change, expect).await?))
}

/// Delete a rate; the one before it holds in its place.
#[utoipa::path(tag = "exchange rates", operation_id = "delete_exchange_rate", responses((status = 204)))]
#[delete("/{id}")]
async fn delete(
    Signed(session, (RecordId(id), Expected(expect))): Signed<(RecordId<ExchangeRate>, Expected)>,
) -> Answer<Done> {
    session.exchange_rates().delete(id, expect).await?;
    Ok(Done)
}
