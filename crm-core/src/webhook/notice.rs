//! What admins are told by mail of an endpoint that was disabled because of how it answers.

use serde_json::{Map, json};

use super::model::{DisabledReason, WebhookEndpoint};
use crate::access::{Action, Entity, Role};
use crate::error::Result;
use crate::filter::{Filter, Op};
use crate::mail::{Recipient, TemplateMail};
use crate::page::ListRequest;
use crate::session::Session;
use crate::store::Changes;
use crate::user::{User, UserStatus};

/// The template that says it.
const TEMPLATE: &str = "webhook_disabled";
/// Most admins who are told.
const MOST_TOLD: u16 = 50;
/// Most characters of a host that a mail says: its subject has to hold it and what stands around it.
const LONGEST_HOST: usize = 200;

/// Puts among the changes that disable an endpoint a mail to each active admin with an address.
///
/// # Errors
/// `Unavailable` when the store cannot be reached; `Internal` where no template fits.
pub(super) async fn enqueue(
    product: &Session,
    changes: &mut Changes,
    endpoint: &WebhookEndpoint,
    reason: DisabledReason,
) -> Result<()> {
    let grant = product.internally(Entity::User, Action::Read);
    let admins = Filter::All(vec![
        Filter::is("role", Op::Eq, Role::Admin.name()),
        Filter::is("status", Op::Eq, UserStatus::Active.name()),
    ]);
    let request = ListRequest { filter: Some(admins), limit: Some(MOST_TOLD), ..ListRequest::default() };
    let query = grant.check_list::<User>(&request, changes.now())?;
    let id = endpoint.id.to_string();
    let webhook = json!({"id": id, "host": host(&endpoint.url), "reason": because(reason)});
    for admin in product.ports().users.users(&grant, &query).await?.rows {
        let User { name, email: Some(email), .. } = admin else { continue };
        let variables = Map::from_iter([("name".to_owned(), json!(name)), ("webhook".to_owned(), webhook.clone())]);
        let to = Some(Recipient { email, name: Some(name) });
        let mail = TemplateMail { template: TEMPLATE.parse()?, to, contact_id: None, reply_to: None, variables };
        product.mails().tell(changes, mail).await?;
    }
    Ok(())
}

/// Where an address leads, without what it names there.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.chars().take(LONGEST_HOST).collect()
}

fn because(reason: DisabledReason) -> &'static str {
    match reason {
        DisabledReason::Asked => "somebody said so",
        DisabledReason::Gone => "it answered 410, which says that nothing is there any more",
        DisabledReason::Failing => "it has taken no message for five days",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_without_what_an_address_names_beside_it() {
        for (url, told) in [
            ("https://hooks.example/crm?key=sesame", "hooks.example"),
            ("https://hooks.example:8443", "hooks.example:8443"),
            ("https://ada:sesame@hooks.example/", "hooks.example"),
            ("https://[2001:db8::1]/sesame", "[2001:db8::1]"),
        ] {
            assert_eq!(host(url), told);
        }
        assert_eq!(host(&format!("https://{}.example/", "a".repeat(300))).len(), LONGEST_HOST);
    }
}
