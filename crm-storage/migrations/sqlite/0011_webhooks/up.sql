-- How far each handler of events has come in each workspace: the number of the last entry that it was handed.
CREATE TABLE relay_cursors (
    handler TEXT NOT NULL,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    seq INTEGER NOT NULL,
    PRIMARY KEY (handler, workspace_id)
) STRICT, WITHOUT ROWID;

-- Where events are sent.
CREATE TABLE webhook_endpoints (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    data TEXT NOT NULL,
    version INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

-- What messages are signed with, and until when; without an end where absent.
CREATE TABLE webhook_secrets (
    workspace_id INTEGER NOT NULL,
    endpoint_id BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    secret TEXT NOT NULL,
    until INTEGER,
    PRIMARY KEY (workspace_id, endpoint_id, made_at),
    FOREIGN KEY (workspace_id, endpoint_id) REFERENCES webhook_endpoints (workspace_id, id)
) STRICT, WITHOUT ROWID;

-- Since when an endpoint has taken nothing.
CREATE TABLE webhook_failing (
    workspace_id INTEGER NOT NULL,
    endpoint_id BLOB NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, endpoint_id),
    FOREIGN KEY (workspace_id, endpoint_id) REFERENCES webhook_endpoints (workspace_id, id)
) STRICT, WITHOUT ROWID;

-- What was and will be sent. The job that sends a delivery has the same id.
CREATE TABLE webhook_deliveries (
    workspace_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    endpoint_id BLOB NOT NULL,
    record_id BLOB,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL,
    replay_of BLOB,
    created_at INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, endpoint_id) REFERENCES webhook_endpoints (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (workspace_id, endpoint_id, id);
CREATE INDEX webhook_deliveries_record ON webhook_deliveries (workspace_id, endpoint_id, record_id, seq)
    WHERE state = 'pending';
CREATE INDEX webhook_deliveries_made ON webhook_deliveries (workspace_id, created_at);

-- As in the first migration: without numbers the planner takes an index for ten rows a workspace.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('relay_cursors', 'relay_cursors', '1000 500 1'),
    ('webhook_endpoints', 'webhook_endpoints', '100 10 1'),
    ('webhook_secrets', 'webhook_secrets', '100 10 1 1'),
    ('webhook_failing', 'webhook_failing', '100 10 1'),
    ('webhook_deliveries', 'webhook_deliveries', '100000 50000 1'),
    ('webhook_deliveries', 'webhook_deliveries_endpoint', '100000 50000 5000 1'),
    ('webhook_deliveries', 'webhook_deliveries_record', '1000 500 100 2 1'),
    ('webhook_deliveries', 'webhook_deliveries_made', '100000 50000 2');
ANALYZE sqlite_schema;
