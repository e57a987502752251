//! `slackcrm rates`.

use crm_core::Session;
use crm_core::exchange_rate::{ExchangeRatesRequest, NewExchangeRate};

use super::records;
use crate::args::Output;
use crate::args::settings::Rates;
use crate::failure::Failure;
use crate::print;

/// Exchange rates.
pub(crate) async fn run(session: &Session, verb: &Rates, output: Output) -> Result<(), Failure> {
    let rates = session.exchange_rates();
    match verb {
        Rates::List { currency, from, to, limit, cursor } => {
            let (currency, from, to, limit) = (*currency, *from, *to, Some(*limit));
            let request = ExchangeRatesRequest { currency, from, to, limit, cursor: cursor.clone() };
            let page = rates.list(&request).await?;
            records::print(&["Id", "From", "Base", "Quote", "Rate#"], &page, output, |rate| {
                let (base, quote) = (rate.base_currency.to_string(), rate.quote_currency.to_string());
                vec![rate.id.to_string(), rate.valid_from.to_string(), base, quote, rate.rate.to_string()]
            })
        }
        Rates::Set { base, quote, rate, day } => {
            let new = NewExchangeRate { base_currency: *base, quote_currency: *quote, rate: *rate, valid_from: *day };
            print::record(output, &rates.set(new).await?.into_rate())
        }
        Rates::Delete { one, expected } => {
            rates.delete(one.id(), expected.expect()).await?;
            print::deleted(output, one.id::<()>())
        }
    }
}
