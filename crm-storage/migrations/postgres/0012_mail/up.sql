-- What mails say in a workspace, in place of the product's templates or beside them.
CREATE TABLE mail_templates (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (key),
    id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    subject TEXT NOT NULL,
    body_text TEXT,
    body_html TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL,
    deleted_at TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id)
);
-- A deleted template gives its name free.
CREATE UNIQUE INDEX mail_templates_name ON mail_templates (workspace_id, name) WHERE deleted_at IS NULL;

-- Addresses that get no mail of a workspace.
CREATE TABLE mail_suppressions (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (key),
    email TEXT COLLATE "C" NOT NULL,
    id UUID NOT NULL,
    reason TEXT NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    created_by UUID,
    PRIMARY KEY (workspace_id, email),
    FOREIGN KEY (workspace_id, created_by) REFERENCES users (workspace_id, id)
);
CREATE UNIQUE INDEX mail_suppressions_id ON mail_suppressions (workspace_id, id);

-- What became of mails, by the jobs that send them.
CREATE TABLE mails (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (key),
    id UUID NOT NULL,
    state TEXT NOT NULL,
    recipients TEXT NOT NULL,
    suppressed TEXT NOT NULL,
    template TEXT,
    error TEXT,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX mails_at ON mails (at);
