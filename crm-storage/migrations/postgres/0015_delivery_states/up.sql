-- Deliveries of an endpoint in one state, as the log of deliveries asks for them.
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (workspace_id, endpoint_id, state, id);
