-- How far each handler of events has come in each workspace: the number of the last entry that it was handed.
CREATE TABLE relay_cursors (
    handler TEXT COLLATE "C" NOT NULL,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (key),
    seq BIGINT NOT NULL,
    PRIMARY KEY (handler, workspace_id)
);

-- Where events are sent.
CREATE TABLE webhook_endpoints (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (key),
    id UUID NOT NULL,
    data TEXT NOT NULL,
    version BIGINT NOT NULL,
    deleted_at TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id)
);

-- What messages are signed with, and until when; without an end where absent.
CREATE TABLE webhook_secrets (
    workspace_id BIGINT NOT NULL,
    endpoint_id UUID NOT NULL,
    made_at TIMESTAMPTZ NOT NULL,
    secret TEXT COLLATE "C" NOT NULL,
    until TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, endpoint_id, made_at),
    FOREIGN KEY (workspace_id, endpoint_id) REFERENCES webhook_endpoints (workspace_id, id)
);

-- Since when an endpoint has taken nothing.
CREATE TABLE webhook_failing (
    workspace_id BIGINT NOT NULL,
    endpoint_id UUID NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, endpoint_id),
    FOREIGN KEY (workspace_id, endpoint_id) REFERENCES webhook_endpoints (workspace_id, id)
);

-- What was and will be sent. The job that sends a delivery has the same id.
CREATE TABLE webhook_deliveries (
    workspace_id BIGINT NOT NULL,
    id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    record_id UUID,
    seq BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    replay_of UUID,
    created_at TIMESTAMPTZ NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, endpoint_id) REFERENCES webhook_endpoints (workspace_id, id)
);
CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (workspace_id, endpoint_id, id);
CREATE INDEX webhook_deliveries_record ON webhook_deliveries (workspace_id, endpoint_id, record_id, seq)
    WHERE state = 'pending';
CREATE INDEX webhook_deliveries_made ON webhook_deliveries (workspace_id, created_at);
