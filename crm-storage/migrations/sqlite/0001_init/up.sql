-- A text field is kept as its comparison form (x_key) and, only where that differs, as it was
-- written (x). Times are microseconds since 1970, ids 16 bytes, a workspace is its small key.

CREATE TABLE accounts (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE workspaces (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    currency TEXT NOT NULL,
    permissions TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX workspaces_name ON workspaces (name_key, id);

CREATE TABLE users (
    row INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    account_id BLOB REFERENCES accounts (id),
    email TEXT,
    email_key TEXT,
    name TEXT,
    name_key TEXT NOT NULL,
    role TEXT NOT NULL,
    status TEXT NOT NULL,
    time_zone TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (workspace_id, id)
) STRICT;
CREATE INDEX users_account ON users (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX users_email ON users (workspace_id, email_key, id);
CREATE INDEX users_name ON users (workspace_id, name_key, id);
CREATE INDEX users_role ON users (workspace_id, role, id);
CREATE INDEX users_status ON users (workspace_id, status, id);
CREATE INDEX users_created_at ON users (workspace_id, created_at, id);
CREATE INDEX users_updated_at ON users (workspace_id, updated_at, id);
-- Unique as written: two addresses with one comparison form are two addresses.
CREATE UNIQUE INDEX users_unique_email ON users (workspace_id, coalesce(email, email_key))
    WHERE email_key IS NOT NULL AND deleted_at IS NULL;

CREATE TABLE teams (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    name TEXT,
    name_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE team_members (
    workspace_id INTEGER NOT NULL,
    team_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    PRIMARY KEY (workspace_id, team_id, user_id),
    FOREIGN KEY (workspace_id, team_id) REFERENCES teams (workspace_id, id),
    FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_members_user ON team_members (workspace_id, user_id);

CREATE TABLE tags (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    name TEXT,
    name_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, name_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE custom_fields (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    entity INTEGER NOT NULL,
    key TEXT NOT NULL,
    data TEXT NOT NULL,
    version INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
-- A retired definition gives its key free.
CREATE UNIQUE INDEX custom_fields_key ON custom_fields (workspace_id, entity, key) WHERE deleted_at IS NULL;

CREATE TABLE pipelines (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    name TEXT,
    name_key TEXT NOT NULL,
    is_default INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE stages (
    workspace_id INTEGER NOT NULL,
    pipeline_id BLOB NOT NULL,
    id BLOB NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (workspace_id, pipeline_id, id),
    FOREIGN KEY (workspace_id, pipeline_id) REFERENCES pipelines (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE companies (
    row INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    name TEXT,
    name_key TEXT NOT NULL,
    domain TEXT,
    domain_key TEXT,
    industry TEXT,
    industry_key TEXT,
    employees INTEGER,
    owner_id BLOB,
    external_id TEXT,
    external_id_key TEXT,
    tags TEXT,
    custom TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (workspace_id, id),
    FOREIGN KEY (workspace_id, owner_id) REFERENCES users (workspace_id, id)
) STRICT;
CREATE INDEX companies_name ON companies (workspace_id, name_key, id);
CREATE INDEX companies_domain ON companies (workspace_id, domain_key, id);
CREATE INDEX companies_industry ON companies (workspace_id, industry_key, id);
CREATE INDEX companies_employees ON companies (workspace_id, employees, id);
CREATE INDEX companies_created_at ON companies (workspace_id, created_at, id);
CREATE INDEX companies_updated_at ON companies (workspace_id, updated_at, id);
CREATE INDEX companies_owner ON companies (workspace_id, owner_id, created_at) WHERE owner_id IS NOT NULL;
CREATE INDEX companies_external_id ON companies (workspace_id, external_id_key) WHERE external_id_key IS NOT NULL;

CREATE TABLE contacts (
    row INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    first_name TEXT,
    first_name_key TEXT,
    last_name TEXT,
    last_name_key TEXT,
    email TEXT,
    email_key TEXT,
    phone TEXT,
    phone_key TEXT,
    title TEXT,
    title_key TEXT,
    company_id BLOB,
    owner_id BLOB,
    lifecycle TEXT NOT NULL,
    source TEXT,
    source_key TEXT,
    external_id TEXT,
    external_id_key TEXT,
    tags TEXT,
    custom TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (workspace_id, id),
    FOREIGN KEY (workspace_id, company_id) REFERENCES companies (workspace_id, id),
    FOREIGN KEY (workspace_id, owner_id) REFERENCES users (workspace_id, id)
) STRICT;
CREATE INDEX contacts_first_name ON contacts (workspace_id, first_name_key, id);
CREATE INDEX contacts_last_name ON contacts (workspace_id, last_name_key, id);
CREATE INDEX contacts_email ON contacts (workspace_id, email_key, id);
CREATE INDEX contacts_phone ON contacts (workspace_id, phone_key, id);
CREATE INDEX contacts_title ON contacts (workspace_id, title_key, id);
CREATE INDEX contacts_lifecycle ON contacts (workspace_id, lifecycle, id);
CREATE INDEX contacts_source ON contacts (workspace_id, source_key, id);
CREATE INDEX contacts_created_at ON contacts (workspace_id, created_at, id);
CREATE INDEX contacts_updated_at ON contacts (workspace_id, updated_at, id);
CREATE INDEX contacts_company ON contacts (workspace_id, company_id) WHERE company_id IS NOT NULL;
CREATE INDEX contacts_owner ON contacts (workspace_id, owner_id, created_at) WHERE owner_id IS NOT NULL;
CREATE INDEX contacts_external_id ON contacts (workspace_id, external_id_key) WHERE external_id_key IS NOT NULL;

CREATE TABLE deals (
    row INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    title TEXT,
    title_key TEXT NOT NULL,
    value_minor INTEGER,
    value_currency TEXT,
    pipeline_id BLOB NOT NULL,
    stage_id BLOB NOT NULL,
    status TEXT NOT NULL,
    stage_entered_at INTEGER NOT NULL,
    opened_at INTEGER,
    closed_at INTEGER,
    contact_id BLOB,
    company_id BLOB,
    owner_id BLOB,
    source TEXT,
    source_key TEXT,
    external_id TEXT,
    external_id_key TEXT,
    tags TEXT,
    custom TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (workspace_id, id),
    FOREIGN KEY (workspace_id, pipeline_id, stage_id) REFERENCES stages (workspace_id, pipeline_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id),
    FOREIGN KEY (workspace_id, company_id) REFERENCES companies (workspace_id, id),
    FOREIGN KEY (workspace_id, owner_id) REFERENCES users (workspace_id, id)
) STRICT;
CREATE INDEX deals_title ON deals (workspace_id, title_key, id);
CREATE INDEX deals_value ON deals (workspace_id, value_minor, id);
CREATE INDEX deals_pipeline ON deals (workspace_id, pipeline_id);
CREATE INDEX deals_stage ON deals (workspace_id, stage_id);
CREATE INDEX deals_status ON deals (workspace_id, status, id);
CREATE INDEX deals_stage_entered_at ON deals (workspace_id, stage_entered_at, id);
CREATE INDEX deals_opened_at ON deals (workspace_id, opened_at, id);
CREATE INDEX deals_closed_at ON deals (workspace_id, closed_at, id);
CREATE INDEX deals_source ON deals (workspace_id, source_key, id);
CREATE INDEX deals_created_at ON deals (workspace_id, created_at, id);
CREATE INDEX deals_updated_at ON deals (workspace_id, updated_at, id);
CREATE INDEX deals_contact ON deals (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX deals_company ON deals (workspace_id, company_id) WHERE company_id IS NOT NULL;
CREATE INDEX deals_owner ON deals (workspace_id, owner_id, created_at) WHERE owner_id IS NOT NULL;
CREATE INDEX deals_external_id ON deals (workspace_id, external_id_key) WHERE external_id_key IS NOT NULL;

CREATE TABLE notes (
    row INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    body TEXT NOT NULL,
    contact_id BLOB,
    company_id BLOB,
    deal_id BLOB,
    author_id BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id),
    FOREIGN KEY (workspace_id, company_id) REFERENCES companies (workspace_id, id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id),
    FOREIGN KEY (workspace_id, author_id) REFERENCES users (workspace_id, id)
) STRICT;
CREATE INDEX notes_contact ON notes (workspace_id, contact_id, created_at) WHERE contact_id IS NOT NULL;
CREATE INDEX notes_company ON notes (workspace_id, company_id, created_at) WHERE company_id IS NOT NULL;
CREATE INDEX notes_deal ON notes (workspace_id, deal_id, created_at) WHERE deal_id IS NOT NULL;
CREATE INDEX notes_author ON notes (workspace_id, author_id, created_at) WHERE author_id IS NOT NULL;
CREATE INDEX notes_created_at ON notes (workspace_id, created_at, id);
CREATE INDEX notes_updated_at ON notes (workspace_id, updated_at, id);

-- Tags of records, by comparison form: the filters' mirror of the column `tags`.
CREATE TABLE record_tags (
    workspace_id INTEGER NOT NULL,
    tag_key TEXT NOT NULL,
    entity INTEGER NOT NULL,
    record_id BLOB NOT NULL,
    PRIMARY KEY (workspace_id, tag_key, entity, record_id)
) STRICT, WITHOUT ROWID;

-- Custom values, typed: the filters' mirror of the column `custom`. A text's first 200 characters
-- are indexed; a longer one is kept whole beside them.
CREATE TABLE custom_values (
    workspace_id INTEGER NOT NULL,
    record_id BLOB NOT NULL,
    field_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    text_head TEXT,
    text_full TEXT,
    number REAL,
    whole INTEGER,
    currency TEXT,
    reference BLOB,
    PRIMARY KEY (workspace_id, record_id, field_id, position),
    FOREIGN KEY (workspace_id, field_id) REFERENCES custom_fields (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX custom_values_text ON custom_values (workspace_id, field_id, text_head) WHERE text_head IS NOT NULL;
CREATE INDEX custom_values_number ON custom_values (workspace_id, field_id, number) WHERE number IS NOT NULL;
CREATE INDEX custom_values_whole ON custom_values (workspace_id, field_id, whole) WHERE whole IS NOT NULL;
CREATE INDEX custom_values_reference ON custom_values (workspace_id, field_id, reference) WHERE reference IS NOT NULL;

-- Search words. Core cuts them; `ascii` leaves every other character alone. Each word begins with
-- its workspace's key and a letter for its part, so no search reads another workspace's words.
CREATE VIRTUAL TABLE contacts_words USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize='ascii');
CREATE VIRTUAL TABLE companies_words USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize='ascii');
CREATE VIRTUAL TABLE deals_words USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize='ascii');
CREATE VIRTUAL TABLE notes_words USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize='ascii');
CREATE VIRTUAL TABLE users_words USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize='ascii');

CREATE TABLE imports (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    created_by BLOB,
    data TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, created_by) REFERENCES users (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE failed_rows (
    workspace_id INTEGER NOT NULL,
    import_id BLOB NOT NULL,
    line INTEGER NOT NULL,
    cells TEXT NOT NULL,
    field TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (workspace_id, import_id, line),
    FOREIGN KEY (workspace_id, import_id) REFERENCES imports (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE fingerprints (
    workspace_id INTEGER NOT NULL,
    entity INTEGER NOT NULL,
    digest BLOB NOT NULL,
    record_id BLOB NOT NULL,
    PRIMARY KEY (workspace_id, entity, digest, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX fingerprints_record ON fingerprints (workspace_id, record_id);

-- `due_at` is when a job is to be taken, or when its worker's lease ends; none once it has ended.
-- `result` may be long: lists leave it unread.
CREATE TABLE jobs (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    created_by BLOB,
    queue TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER,
    data TEXT NOT NULL,
    version INTEGER NOT NULL,
    result TEXT,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, created_by) REFERENCES users (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_created_by ON jobs (workspace_id, created_by, id);
CREATE INDEX jobs_due ON jobs (due_at, id) WHERE due_at IS NOT NULL;

-- Files on their way to a job, in pieces of one size.
CREATE TABLE upload_pieces (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    upload_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    at INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (workspace_id, upload_id, position)
) STRICT;
CREATE INDEX upload_pieces_at ON upload_pieces (at);

-- Kept by record, so that a record's history is one stretch of the tree and needs no index.
CREATE TABLE journal (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    record_id BLOB NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    actor_id BLOB,
    cause TEXT,
    batch_id BLOB,
    depth INTEGER NOT NULL,
    entity INTEGER NOT NULL,
    version INTEGER NOT NULL,
    subject_entity INTEGER,
    subject_id BLOB,
    change INTEGER NOT NULL,
    before TEXT,
    after TEXT,
    events TEXT,
    salt BLOB,
    digest BLOB,
    PRIMARY KEY (workspace_id, record_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX journal_subject ON journal (workspace_id, subject_id, id) WHERE subject_id IS NOT NULL;
CREATE INDEX journal_batch ON journal (workspace_id, batch_id, record_id, version) WHERE batch_id IS NOT NULL;

-- Entries that no seal covers yet, in the order in which they were written.
CREATE TABLE journal_queue (
    position INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    record_id BLOB NOT NULL,
    entry_id BLOB NOT NULL
) STRICT;
-- Its order within a workspace is that of the position, which is the row.
CREATE INDEX journal_queue_workspace ON journal_queue (workspace_id);

CREATE TABLE journal_heads (
    workspace_id INTEGER NOT NULL PRIMARY KEY REFERENCES workspaces (key),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;

CREATE TABLE journal_seals (
    workspace_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    record_id BLOB NOT NULL,
    entry_id BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (workspace_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE guards (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    scope BLOB NOT NULL,
    body BLOB NOT NULL,
    entity INTEGER NOT NULL,
    record_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, scope)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_at ON idempotency_keys (workspace_id, at);

-- Sign-ins and throttles belong to no workspace's rows: they name ids that were checked at sign-in.
CREATE TABLE sign_ins (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL,
    workspace_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ins_account ON sign_ins (account_id, expires_at);

-- Every digest that a refresh token of a sign-in ever had, so that a second use is noticed.
CREATE TABLE refresh_digests (
    digest BLOB NOT NULL PRIMARY KEY,
    sign_in_id BLOB NOT NULL REFERENCES sign_ins (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_digests_sign_in ON refresh_digests (sign_in_id);

CREATE TABLE throttles (
    key TEXT NOT NULL PRIMARY KEY,
    began_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX throttles_began_at ON throttles (began_at);

-- What the planner assumes: one workspace with a million records of each kind, and how many of them
-- share a value. Without numbers it takes a workspace for ten rows and walks all of it in the order
-- of a list. An operator's own ANALYZE replaces them.
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('users', 'sqlite_autoindex_users_1', '1000000 1000000 1'),
    ('users', 'users_email', '1000000 1000000 10 1'),
    ('users', 'users_name', '1000000 1000000 20 1'),
    ('users', 'users_role', '1000000 1000000 500000 1'),
    ('users', 'users_status', '1000000 1000000 500000 1'),
    ('users', 'users_created_at', '1000000 1000000 10 1'),
    ('users', 'users_updated_at', '1000000 1000000 10 1'),
    ('companies', 'sqlite_autoindex_companies_1', '1000000 1000000 1'),
    ('companies', 'companies_name', '1000000 1000000 20 1'),
    ('companies', 'companies_domain', '1000000 1000000 10 1'),
    ('companies', 'companies_industry', '1000000 1000000 20000 1'),
    ('companies', 'companies_employees', '1000000 1000000 20000 1'),
    ('companies', 'companies_created_at', '1000000 1000000 10 1'),
    ('companies', 'companies_updated_at', '1000000 1000000 10 1'),
    ('companies', 'companies_owner', '1000000 1000000 10000 2'),
    ('companies', 'companies_external_id', '1000000 1000000 10'),
    ('contacts', 'sqlite_autoindex_contacts_1', '1000000 1000000 1'),
    ('contacts', 'contacts_first_name', '1000000 1000000 2000 1'),
    ('contacts', 'contacts_last_name', '1000000 1000000 200 1'),
    ('contacts', 'contacts_email', '1000000 1000000 10 1'),
    ('contacts', 'contacts_phone', '1000000 1000000 10 1'),
    ('contacts', 'contacts_title', '1000000 1000000 20000 1'),
    ('contacts', 'contacts_lifecycle', '1000000 1000000 500000 1'),
    ('contacts', 'contacts_source', '1000000 1000000 20000 1'),
    ('contacts', 'contacts_created_at', '1000000 1000000 10 1'),
    ('contacts', 'contacts_updated_at', '1000000 1000000 10 1'),
    ('contacts', 'contacts_company', '1000000 1000000 50'),
    ('contacts', 'contacts_owner', '1000000 1000000 10000 2'),
    ('contacts', 'contacts_external_id', '1000000 1000000 10'),
    ('deals', 'sqlite_autoindex_deals_1', '1000000 1000000 1'),
    ('deals', 'deals_title', '1000000 1000000 20 1'),
    ('deals', 'deals_value', '1000000 1000000 100 1'),
    ('deals', 'deals_pipeline', '1000000 1000000 500000'),
    ('deals', 'deals_stage', '1000000 1000000 100000'),
    ('deals', 'deals_status', '1000000 1000000 500000 1'),
    ('deals', 'deals_stage_entered_at', '1000000 1000000 10 1'),
    ('deals', 'deals_opened_at', '1000000 1000000 10 1'),
    ('deals', 'deals_closed_at', '1000000 1000000 10 1'),
    ('deals', 'deals_source', '1000000 1000000 20000 1'),
    ('deals', 'deals_created_at', '1000000 1000000 10 1'),
    ('deals', 'deals_updated_at', '1000000 1000000 10 1'),
    ('deals', 'deals_contact', '1000000 1000000 20'),
    ('deals', 'deals_company', '1000000 1000000 50'),
    ('deals', 'deals_owner', '1000000 1000000 10000 2'),
    ('deals', 'deals_external_id', '1000000 1000000 10'),
    ('notes', 'sqlite_autoindex_notes_1', '1000000 1000000 1'),
    ('notes', 'notes_contact', '1000000 1000000 20 2'),
    ('notes', 'notes_company', '1000000 1000000 50 2'),
    ('notes', 'notes_deal', '1000000 1000000 20 2'),
    ('notes', 'notes_author', '1000000 1000000 10000 2'),
    ('notes', 'notes_created_at', '1000000 1000000 10 1'),
    ('notes', 'notes_updated_at', '1000000 1000000 10 1'),
    ('custom_values', 'custom_values_text', '1000000 1000000 100000 1000'),
    ('custom_values', 'custom_values_number', '1000000 1000000 100000 1000'),
    ('custom_values', 'custom_values_whole', '1000000 1000000 100000 1000'),
    ('custom_values', 'custom_values_reference', '1000000 1000000 100000 1000');
ANALYZE sqlite_schema;
