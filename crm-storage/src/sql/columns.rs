//! Where each field of the catalogues is kept, and how relations are followed. Names of columns come
//! from here alone.

use crm_core::Entity;

/// The columns of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Text in its comparison form.
    Text(&'static str),
    /// A whole number.
    Integer(&'static str),
    /// An instant.
    Time(&'static str),
    /// An id.
    Id(&'static str),
    /// An amount: minor units, currency.
    Money(&'static str, &'static str),
    /// Tags: `NULL` where there are none, and the mirror otherwise.
    Tags(&'static str),
}

impl Column {
    /// The column by which lists are ordered.
    pub(crate) fn sorted_by(self) -> Option<&'static str> {
        match self {
            Self::Text(name) | Self::Integer(name) | Self::Time(name) | Self::Id(name) | Self::Money(name, _) => {
                Some(name)
            }
            Self::Tags(_) => None,
        }
    }
}

/// A field's columns, by its key.
type Columns = &'static [(&'static str, Column)];

const USER: Columns = &[
    ("name", Column::Text("name_key")),
    ("email", Column::Text("email_key")),
    ("role", Column::Text("role")),
    ("status", Column::Text("status")),
    ("created_at", Column::Time("created_at")),
    ("updated_at", Column::Time("updated_at")),
];

const CONTACT: Columns = &[
    ("first_name", Column::Text("first_name_key")),
    ("last_name", Column::Text("last_name_key")),
    ("email", Column::Text("email_key")),
    ("phone", Column::Text("phone_key")),
    ("title", Column::Text("title_key")),
    ("company_id", Column::Id("company_id")),
    ("owner_id", Column::Id("owner_id")),
    ("lifecycle", Column::Text("lifecycle")),
    ("source", Column::Text("source_key")),
    ("external_id", Column::Text("external_id_key")),
    ("tags", Column::Tags("tags")),
    ("created_at", Column::Time("created_at")),
    ("updated_at", Column::Time("updated_at")),
];

const COMPANY: Columns = &[
    ("name", Column::Text("name_key")),
    ("domain", Column::Text("domain_key")),
    ("industry", Column::Text("industry_key")),
    ("employees", Column::Integer("employees")),
    ("owner_id", Column::Id("owner_id")),
    ("external_id", Column::Text("external_id_key")),
    ("tags", Column::Tags("tags")),
    ("created_at", Column::Time("created_at")),
    ("updated_at", Column::Time("updated_at")),
];

const DEAL: Columns = &[
    ("title", Column::Text("title_key")),
    ("value", Column::Money("value_minor", "value_currency")),
    ("value_estimated", Column::Integer("value_estimated")),
    ("pipeline_id", Column::Id("pipeline_id")),
    ("stage_id", Column::Id("stage_id")),
    ("status", Column::Text("status")),
    ("stage_entered_at", Column::Time("stage_entered_at")),
    ("opened_at", Column::Time("opened_at")),
    ("closed_at", Column::Time("closed_at")),
    ("expected_close_date", Column::Integer("expected_close_day")),
    ("probability", Column::Integer("probability")),
    ("forecast_category", Column::Text("forecast_category")),
    ("lost_reason", Column::Text("lost_reason_key")),
    ("contact_id", Column::Id("contact_id")),
    ("company_id", Column::Id("company_id")),
    ("owner_id", Column::Id("owner_id")),
    ("source", Column::Text("source_key")),
    ("external_id", Column::Text("external_id_key")),
    ("tags", Column::Tags("tags")),
    ("created_at", Column::Time("created_at")),
    ("updated_at", Column::Time("updated_at")),
];

const TASK: Columns = &[
    ("title", Column::Text("title_key")),
    ("description", Column::Text("description_key")),
    ("kind", Column::Text("kind")),
    ("priority", Column::Text("priority")),
    ("status", Column::Text("status")),
    ("due_at", Column::Time("due_at")),
    ("due_date", Column::Integer("due_day")),
    ("duration_minutes", Column::Integer("duration_minutes")),
    ("reminder", Column::Text("reminder")),
    ("recurrence", Column::Text("recurrence")),
    ("completed_at", Column::Time("completed_at")),
    ("contact_id", Column::Id("contact_id")),
    ("company_id", Column::Id("company_id")),
    ("deal_id", Column::Id("deal_id")),
    ("assignee_id", Column::Id("assignee_id")),
    ("created_by", Column::Id("created_by")),
    ("external_id", Column::Text("external_id_key")),
    ("tags", Column::Tags("tags")),
    ("created_at", Column::Time("created_at")),
    ("updated_at", Column::Time("updated_at")),
];

const NOTE: Columns = &[
    ("contact_id", Column::Id("contact_id")),
    ("company_id", Column::Id("company_id")),
    ("deal_id", Column::Id("deal_id")),
    ("author_id", Column::Id("author_id")),
    ("created_at", Column::Time("created_at")),
    ("updated_at", Column::Time("updated_at")),
];

/// The columns of a built-in field; `None` for a field that this store does not know.
pub(crate) fn column(entity: Entity, key: &str) -> Option<Column> {
    let columns = match entity {
        Entity::User => USER,
        Entity::Contact => CONTACT,
        Entity::Company => COMPANY,
        Entity::Deal => DEAL,
        Entity::Task => TASK,
        Entity::Note => NOTE,
        _ => return None,
    };
    columns.iter().find(|(known, _)| *known == key).map(|(_, column)| *column)
}

/// Whether an index gives the records with one value of a built-in field in the order of their making.
pub(crate) fn is_ordered_by_making(entity: Entity, key: &str) -> bool {
    match entity {
        Entity::Contact => matches!(key, "company_id" | "owner_id" | "lifecycle" | "source"),
        Entity::Company => key == "owner_id",
        Entity::Deal => matches!(key, "pipeline_id" | "contact_id" | "company_id" | "owner_id"),
        Entity::Task => matches!(key, "contact_id" | "company_id" | "deal_id"),
        Entity::Note => matches!(key, "contact_id" | "company_id" | "deal_id" | "author_id"),
        _ => false,
    }
}

/// The table of a kind of record; `None` for kinds that are no rows of a workspace's own.
pub(crate) fn table(entity: Entity) -> Option<&'static str> {
    Some(match entity {
        Entity::User => "users",
        Entity::Team => "teams",
        Entity::Contact => "contacts",
        Entity::Company => "companies",
        Entity::Deal => "deals",
        Entity::Task => "tasks",
        Entity::Pipeline => "pipelines",
        Entity::Tag => "tags",
        Entity::Note => "notes",
        Entity::CustomField => "custom_fields",
        Entity::Import => "imports",
        Entity::Job => "jobs",
        Entity::ExchangeRate => "exchange_rates",
        Entity::WebhookEndpoint => "webhook_endpoints",
        Entity::MailTemplate => "mail_templates",
        _ => return None,
    })
}

/// How a relation is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// By this column here, to the other's id.
    Here(&'static str),
    /// By this column there, to our id.
    There(&'static str),
}

/// The way from a kind of record to its relations of a name.
pub(crate) fn link(entity: Entity, relation: &str) -> Option<Link> {
    Some(match (entity, relation) {
        (Entity::Contact | Entity::Deal | Entity::Note | Entity::Task, "company") => Link::Here("company_id"),
        (Entity::Contact | Entity::Company | Entity::Deal, "owner") => Link::Here("owner_id"),
        (Entity::Deal | Entity::Note | Entity::Task, "contact") => Link::Here("contact_id"),
        (Entity::Note | Entity::Task, "deal") => Link::Here("deal_id"),
        (Entity::Task, "assignee") => Link::Here("assignee_id"),
        (Entity::Company, "contacts" | "deals" | "notes" | "tasks") => Link::There("company_id"),
        (Entity::Contact, "deals" | "notes" | "tasks") => Link::There("contact_id"),
        (Entity::Deal, "notes" | "tasks") => Link::There("deal_id"),
        _ => return None,
    })
}

/// The number of a kind of record in the tables; never changes.
pub(crate) fn code(entity: Entity) -> i16 {
    match entity {
        Entity::Workspace => 1,
        Entity::User => 2,
        Entity::Team => 3,
        Entity::Contact => 4,
        Entity::Company => 5,
        Entity::Deal => 6,
        Entity::Pipeline => 7,
        Entity::Tag => 8,
        Entity::Note => 9,
        Entity::CustomField => 10,
        Entity::Import => 11,
        Entity::Job => 12,
        Entity::Task => 13,
        Entity::ExchangeRate => 14,
        Entity::WebhookEndpoint => 15,
        Entity::MailTemplate => 16,
        // Kinds that this version does not know cannot be made by the core it was built with.
        _ => 0,
    }
}

/// The kind of record of a number.
pub(crate) fn entity(code: i16) -> Option<Entity> {
    Entity::ALL.into_iter().find(|entity| self::code(*entity) == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_kind_of_record_never_changes() {
        let numbers = Entity::ALL.map(|entity| (entity.name(), code(entity)));
        let known = [
            ("workspace", 1),
            ("user", 2),
            ("team", 3),
            ("contact", 4),
            ("company", 5),
            ("deal", 6),
            ("task", 13),
            ("pipeline", 7),
            ("tag", 8),
            ("note", 9),
            ("custom_field", 10),
            ("import", 11),
            ("job", 12),
            ("exchange_rate", 14),
            ("webhook_endpoint", 15),
            ("mail_template", 16),
        ];
        assert_eq!(numbers, known);
    }
}
