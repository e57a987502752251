DROP INDEX deals_stage;
CREATE INDEX deals_stage ON deals (workspace_id, stage_id);
DELETE FROM sqlite_stat1 WHERE tbl = 'deals' AND idx = 'deals_stage';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('deals', 'deals_stage', '1000000 1000000 100000');
ANALYZE sqlite_schema;
DROP TABLE deal_months;
