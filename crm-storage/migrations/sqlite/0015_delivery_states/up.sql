-- Deliveries of an endpoint in one state, as the log of deliveries asks for them.
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (workspace_id, endpoint_id, state, id);

-- As in the first migration: without numbers the planner takes an index for ten rows a workspace.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('webhook_deliveries', 'webhook_deliveries_state', '100000 50000 5000 1000 1');
ANALYZE sqlite_schema;
