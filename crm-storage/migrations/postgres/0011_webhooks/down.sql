DROP TABLE webhook_deliveries;
DROP TABLE webhook_failing;
DROP TABLE webhook_secrets;
DROP TABLE webhook_endpoints;
DROP TABLE relay_cursors;
