-- What mails say in a workspace, in place of the product's templates or beside them.
CREATE TABLE mail_templates (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    body_text TEXT,
    body_html TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
-- A deleted template gives its name free.
CREATE UNIQUE INDEX mail_templates_name ON mail_templates (workspace_id, name) WHERE deleted_at IS NULL;

-- Addresses that get no mail of a workspace.
CREATE TABLE mail_suppressions (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    email TEXT NOT NULL,
    id BLOB NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    created_by BLOB,
    PRIMARY KEY (workspace_id, email),
    FOREIGN KEY (workspace_id, created_by) REFERENCES users (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX mail_suppressions_id ON mail_suppressions (workspace_id, id);

-- What became of mails, by the jobs that send them.
CREATE TABLE mails (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    state TEXT NOT NULL,
    recipients TEXT NOT NULL,
    suppressed TEXT NOT NULL,
    template TEXT,
    error TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mails_at ON mails (at);

-- As in the first migration: without numbers the planner takes an index for ten rows a workspace.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('mail_templates', 'mail_templates_name', '200 20 1'),
    ('mail_suppressions', 'mail_suppressions_id', '20000 20000 1'),
    ('mails', 'mails_at', '20000 1');
ANALYZE sqlite_schema;
