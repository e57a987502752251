-- What somebody is to do. `due_day` is the day of those that are due on a whole day, counted from
-- 1970-01-01.
CREATE TABLE tasks (
    row INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    title TEXT,
    title_key TEXT NOT NULL,
    description TEXT,
    description_key TEXT,
    kind TEXT NOT NULL,
    priority TEXT NOT NULL,
    status TEXT NOT NULL,
    due_at INTEGER,
    due_day INTEGER,
    duration_minutes INTEGER,
    completed_at INTEGER,
    contact_id BLOB,
    company_id BLOB,
    deal_id BLOB,
    assignee_id BLOB,
    created_by BLOB,
    external_id TEXT,
    external_id_key TEXT,
    tags TEXT,
    custom TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id),
    FOREIGN KEY (workspace_id, company_id) REFERENCES companies (workspace_id, id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id),
    FOREIGN KEY (workspace_id, assignee_id) REFERENCES users (workspace_id, id),
    FOREIGN KEY (workspace_id, created_by) REFERENCES users (workspace_id, id)
) STRICT;
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

CREATE VIRTUAL TABLE tasks_words USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize='ascii');

-- As in the first migration: without numbers the planner takes an index for ten rows a workspace.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('tasks', 'sqlite_autoindex_tasks_1', '1000000 1000000 1'),
    ('tasks', 'tasks_title', '1000000 1000000 20 1'),
    ('tasks', 'tasks_status', '1000000 1000000 500000 1'),
    ('tasks', 'tasks_due_at', '1000000 1000000 10 1'),
    ('tasks', 'tasks_completed_at', '1000000 1000000 10 1'),
    ('tasks', 'tasks_created_at', '1000000 1000000 10 1'),
    ('tasks', 'tasks_updated_at', '1000000 1000000 10 1'),
    ('tasks', 'tasks_contact', '1000000 1000000 20'),
    ('tasks', 'tasks_company', '1000000 1000000 50'),
    ('tasks', 'tasks_deal', '1000000 1000000 20'),
    ('tasks', 'tasks_assignee', '1000000 1000000 10000 5000 2'),
    ('tasks', 'tasks_external_id', '1000000 1000000 10');
ANALYZE sqlite_schema;
