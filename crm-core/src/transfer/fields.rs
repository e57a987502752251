//! The custom fields that an import defines: for columns that match nothing, and for the product of
//! deals, which is a choice of those that the file and its list name.

use std::collections::{BTreeSet, HashSet};

use super::mapping::{Defines, NewField, PRODUCT};
use super::model::ImportOptions;
use super::products::Prices;
use crate::access::{Action, Entity, Grant};
use crate::custom_field::{CustomField, CustomFieldEdit, CustomKind, MAX_CHOICES, MAX_FIELDS};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::session::Session;
use crate::store::Stored;
use crate::text;

/// Most characters of a choice.
const MAX_CHARS: usize = 100;

/// Which fields an import defines. That of the product comes with its list, where the caller may define
/// fields; the others are asked for.
pub(super) fn defines(session: &Session, options: &ImportOptions) -> Defines {
    let may_define = || session.require(Entity::CustomField, Action::Create).is_ok();
    match (options.create_fields, options.products.is_empty()) {
        (true, _) => Defines::Everything,
        (false, false) if may_define() => Defines::Product,
        (false, _) => Defines::Nothing,
    }
}

/// The products that there are: those of the list in its order, then others that the file names, as
/// the options spell them. None where they are more or longer than choices can be.
pub(super) fn products(options: &ImportOptions, named: &BTreeSet<String>) -> Vec<String> {
    let prices = Prices::of(&options.products);
    let aliases = options.values.get("custom.product").or_else(|| options.values.get(PRODUCT));
    let named = named.iter().map(|name| {
        let meant = aliases.and_then(|aliases| aliases.get(name)).unwrap_or(name);
        prices.name(meant).to_owned()
    });
    let mut keys = HashSet::new();
    let all = options.products.iter().map(|product| product.name.clone()).chain(named);
    let all: Vec<String> = all.filter(|name| keys.insert(text::key(name))).collect();
    let fits = all.len() <= MAX_CHOICES && all.iter().all(|name| name.chars().count() <= MAX_CHARS);
    if fits { all } else { Vec::new() }
}

/// The definitions of new fields.
///
/// # Errors
/// `Denied` where the caller may not define fields; `Invalid` at `create_fields` for too many and at
/// `mapping.<header>` for a field that cannot be.
pub(super) fn define<'a>(
    session: &Session,
    entity: Entity,
    fields: impl Iterator<Item = &'a NewField>,
    known: &[CustomField],
    products: &[String],
) -> Result<Vec<Stored<CustomField>>> {
    let fields: Vec<&NewField> = fields.collect();
    if fields.is_empty() {
        return Ok(Vec::new());
    }
    session.require(Entity::CustomField, Action::Create)?;
    if known.len() + fields.len() > MAX_FIELDS {
        let message = format!("a kind of record has at most {MAX_FIELDS} custom fields");
        return Err(Error::invalid("create_fields", "too_many", message));
    }
    let now = session.now();
    let define = |field: &&NewField| {
        let is_product = entity == Entity::Deal && field.key == PRODUCT;
        let choices = if is_product { products.to_vec() } else { Vec::new() };
        CustomField::new(Id::new_at(now), field.definition(entity, choices), now)
            .map(Stored::new)
            .map_err(|error| error.under(&format!("mapping.{}", field.header)))
    };
    fields.iter().map(define).collect()
}

/// The definition of the product with the choices that it lacks; none where it lacks none, is no field
/// of choices, or must stay as it is: rows that name another product are refused then.
///
/// # Errors
/// `Unavailable` when the store cannot be reached.
pub(super) async fn widen(
    session: &Session,
    grant: &Grant,
    options: &ImportOptions,
    columns: &[Option<String>],
    known: &[CustomField],
    products: &[String],
) -> Result<Option<Stored<CustomField>>> {
    let is_filled = columns.iter().any(|column| column.as_deref() == Some("custom.product"));
    let own = known.iter().find(|field| field.key == PRODUCT && field.kind == CustomKind::Choice);
    let Some(own) = own.filter(|_| is_filled && options.create_missing) else { return Ok(None) };
    let keys: HashSet<String> = own.choices.iter().map(|choice| text::key(choice)).collect();
    let missing: Vec<String> = products.iter().filter(|name| !keys.contains(&text::key(name))).cloned().collect();
    let fits = own.choices.len() + missing.len() <= MAX_CHOICES;
    if missing.is_empty() || !fits || session.require(Entity::CustomField, Action::Update).is_err() {
        return Ok(None);
    }
    let mut field = session.ports().custom_fields.custom_field(grant, own.id).await?;
    let choices = field.choices.iter().cloned().chain(missing).collect();
    field.edit(CustomFieldEdit { choices: Edit::Set(choices), ..CustomFieldEdit::default() })?;
    Ok(Some(field))
}
