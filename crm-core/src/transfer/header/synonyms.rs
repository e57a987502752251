//! Names that HubSpot, Salesforce, Pipedrive and the usual spreadsheets give their columns.
//!
//! A name belongs here only if it can mean nothing else in its room: `Lead Status`, `Revenue` or
//! `Mailing City` are left to custom fields. So are owner and record ids of other programs, as in
//! Salesforce's `OwnerId`: a field by name would take the id for a name.

/// Field keys with the names of such columns.
type Synonyms = &'static [(&'static str, &'static [&'static str])];

/// Columns that fill a contact, by field key.
pub fn contact_synonyms() -> Synonyms {
    CONTACT
}

/// Columns that fill a company, by field key.
pub fn company_synonyms() -> Synonyms {
    COMPANY
}

/// Columns that fill a deal, by field key.
pub fn deal_synonyms() -> Synonyms {
    DEAL
}

/// Columns that fill a task, by field key.
pub fn task_synonyms() -> Synonyms {
    TASK
}

const CONTACT: Synonyms = &[
    ("external_id", &["record id", "contact id", "lead id", "person id", "contact record id", "external id", "id"]),
    ("first_name", &["first", "given name", "forename"]),
    ("last_name", &["last", "surname", "family name"]),
    ("full_name", &["name", "contact name", "person name", "lead name", "contact", "contact full name"]),
    (
        "email",
        &[
            "e-mail",
            "email address",
            "e-mail address",
            "person email",
            "primary email",
            "work email",
            "email work",
            "person email work",
            "contact email",
            "mail",
            "email 1",
        ],
    ),
    (
        "phone",
        &[
            "phone number",
            "telephone",
            "person phone",
            "work phone",
            "phone work",
            "person phone work",
            "business phone",
            "mobile phone",
            "mobile phone number",
            "mobile",
            "phone mobile",
            "cell phone",
            "tel",
        ],
    ),
    ("title", &["job title", "position", "role", "person job title"]),
    (
        "company",
        &[
            "company name",
            "account name",
            "organization name",
            "organisation name",
            "associated company",
            "primary associated company",
            "account",
            "organization",
            "organisation",
            "employer",
            "person organization",
        ],
    ),
    ("company_id", &["associated company id", "associated company ids", "primary associated company id", "account id"]),
    (
        "owner",
        &["contact owner", "lead owner", "person owner", "owner name", "owner email", "assigned to", "sales agent"],
    ),
    ("lifecycle", &["lifecycle stage", "life cycle stage"]),
    ("source", &["lead source", "original source", "contact source"]),
    ("tags", &["tag", "labels", "label", "person label", "person labels"]),
    (
        "created_at",
        &[
            "create date",
            "created date",
            "created",
            "date created",
            "created on",
            "person created",
            "person person created",
            "add time",
        ],
    ),
];

const COMPANY: Synonyms = &[
    (
        "external_id",
        &["record id", "company id", "account id", "organization id", "company record id", "external id", "id"],
    ),
    (
        "name",
        &[
            "company name",
            "account name",
            "organization name",
            "organisation name",
            "account",
            "company",
            "organization",
            "organisation",
        ],
    ),
    (
        "domain",
        &[
            "company domain name",
            "domain name",
            "website url",
            "website",
            "organization website",
            "company website",
            "company domain",
            "web site",
            "url",
            "homepage",
        ],
    ),
    ("industry", &["sector", "company industry", "organization industry"]),
    (
        "employees",
        &[
            "number of employees",
            "no of employees",
            "employee count",
            "headcount",
            "company size",
            "organization number of employees",
        ],
    ),
    ("owner", &["company owner", "account owner", "organization owner", "owner name", "owner email", "assigned to"]),
    ("tags", &["tag", "labels", "label", "organization label", "organization labels"]),
    (
        "created_at",
        &[
            "create date",
            "created date",
            "created",
            "date created",
            "created on",
            "organization created",
            "organization organization created",
            "add time",
        ],
    ),
];

const DEAL: Synonyms = &[
    ("external_id", &["record id", "opportunity id", "deal id", "deal record id", "external id", "id"]),
    ("title", &["deal name", "deal title", "opportunity name", "opportunity", "deal", "name"]),
    ("value", &["amount", "deal value", "close value", "deal amount", "opportunity amount", "deal size"]),
    ("currency", &["currency code", "deal currency", "deal currency code", "currency iso code", "amount currency"]),
    ("stage", &["deal stage", "stage name", "pipeline stage", "opportunity stage"]),
    (
        "owner",
        &[
            "deal owner",
            "opportunity owner",
            "sales agent",
            "owner name",
            "owner email",
            "sales rep",
            "salesperson",
            "assigned to",
        ],
    ),
    (
        "company",
        &[
            "account",
            "account name",
            "company name",
            "organization name",
            "organisation name",
            "associated company",
            "primary associated company",
            "organization",
            "organisation",
            "deal organization",
            "customer",
        ],
    ),
    (
        "contact",
        &[
            "contact name",
            "person name",
            "contact email",
            "person email",
            "associated contact",
            "primary contact",
            "contact person",
            "deal contact person",
        ],
    ),
    ("company_id", &["associated company id", "associated company ids", "primary associated company id", "account id"]),
    ("contact_id", &["associated contact id", "associated contact ids", "primary associated contact id"]),
    ("pipeline", &["deal pipeline", "pipeline name"]),
    ("status", &["deal status"]),
    ("product", &["product name", "deal product", "deal product name"]),
    ("source", &["lead source", "deal source", "original source"]),
    (
        "opened_at",
        &[
            "engage date",
            "open date",
            "opened",
            "create date",
            "created date",
            "created",
            "date created",
            "deal created",
            "deal deal created",
            "add time",
        ],
    ),
    (
        "closed_at",
        &["close date", "closed date", "closed", "date closed", "deal closed on", "won time", "actual close date"],
    ),
    (
        "expected_close_date",
        &[
            "expected close",
            "estimated close date",
            "estimated close",
            "deal expected close date",
            "forecast close date",
        ],
    ),
    ("probability", &["deal probability", "win probability", "probability percent", "stage probability"]),
    ("forecast_category", &["forecast category name", "forecast"]),
    ("lost_reason", &["deal lost reason", "closed lost reason", "loss reason", "reason lost", "reason for loss"]),
];

const TASK: Synonyms = &[
    ("external_id", &["record id", "task id", "activity id", "external id", "id"]),
    ("title", &["task title", "subject", "task name", "task subject", "task", "name", "activity subject"]),
    ("description", &["notes", "task notes", "comments", "full comments", "note", "details"]),
    ("kind", &["task type", "type", "activity type"]),
    ("priority", &["task priority"]),
    ("status", &["task status", "done"]),
    ("due_at", &["due date", "due", "due date only", "due time", "deadline", "task due date"]),
    ("duration_minutes", &["duration", "duration in minutes", "call duration"]),
    ("completed_at", &["completed date", "completed", "completion date", "marked as done time", "date completed"]),
    ("assignee", &["assigned to", "task owner", "owner", "owner name", "assigned to user", "assigned", "responsible"]),
    ("company", &["company name", "account name", "account", "organization", "organisation", "associated company"]),
    ("company_id", &["associated company id", "associated company ids", "account id"]),
    ("contact", &["contact email", "person email", "associated contact", "contact person", "contact name"]),
    ("contact_id", &["associated contact id", "associated contact ids", "who id"]),
    ("deal_id", &["associated deal id", "associated deal ids", "deal", "opportunity id"]),
    ("tags", &["tag", "labels", "label"]),
    ("created_at", &["create date", "created date", "created", "date created", "created on", "add time"]),
];
