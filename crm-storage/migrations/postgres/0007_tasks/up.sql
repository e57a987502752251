-- What somebody is to do. `due_day` is the day of those that are due on a whole day, counted from
-- 1970-01-01.
CREATE TABLE tasks (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (key),
    id UUID NOT NULL,
    title TEXT,
    title_key TEXT COLLATE "C" NOT NULL,
    description TEXT,
    description_key TEXT COLLATE "C",
    kind TEXT COLLATE "C" NOT NULL,
    priority TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    due_at TIMESTAMPTZ,
    due_day BIGINT,
    duration_minutes BIGINT,
    completed_at TIMESTAMPTZ,
    contact_id UUID,
    company_id UUID,
    deal_id UUID,
    assignee_id UUID,
    created_by UUID,
    external_id TEXT,
    external_id_key TEXT COLLATE "C",
    tags TEXT,
    custom TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL,
    deleted_at TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT tasks_contact_id FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id),
    CONSTRAINT tasks_company_id FOREIGN KEY (workspace_id, company_id) REFERENCES companies (workspace_id, id),
    CONSTRAINT tasks_deal_id FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id),
    CONSTRAINT tasks_assignee_id FOREIGN KEY (workspace_id, assignee_id) REFERENCES users (workspace_id, id),
    CONSTRAINT tasks_created_by FOREIGN KEY (workspace_id, created_by) REFERENCES users (workspace_id, id)
);
CREATE INDEX tasks_title ON tasks (workspace_id, title_key, id);
CREATE INDEX tasks_status ON tasks (workspace_id, status, id);
CREATE INDEX tasks_due_at ON tasks (workspace_id, due_at, id);
CREATE INDEX tasks_completed_at ON tasks (workspace_id, completed_at, id);
CREATE INDEX tasks_created_at ON tasks (workspace_id, created_at, id);
CREATE INDEX tasks_updated_at ON tasks (workspace_id, updated_at, id);
CREATE INDEX tasks_contact ON tasks (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX tasks_company ON tasks (workspace_id, company_id) WHERE company_id IS NOT NULL;
CREATE INDEX tasks_deal ON tasks (workspace_id, deal_id) WHERE deal_id IS NOT NULL;
CREATE INDEX tasks_assignee ON tasks (workspace_id, assignee_id, status, due_at) WHERE assignee_id IS NOT NULL;
CREATE INDEX tasks_external_id ON tasks (workspace_id, external_id_key) WHERE external_id_key IS NOT NULL;

CREATE TABLE tasks_words (workspace_id BIGINT NOT NULL, id UUID NOT NULL, words TSVECTOR NOT NULL, PRIMARY KEY (workspace_id, id));
CREATE INDEX tasks_words_words ON tasks_words USING gin (words);
