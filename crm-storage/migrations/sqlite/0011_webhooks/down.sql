DROP TABLE webhook_deliveries;
DROP TABLE webhook_failing;
DROP TABLE webhook_secrets;
DROP TABLE webhook_endpoints;
DROP TABLE relay_cursors;
DELETE FROM sqlite_stat1 WHERE tbl = 'relay_cursors' OR tbl LIKE 'webhook\_%' ESCAPE '\';
ANALYZE sqlite_schema;
