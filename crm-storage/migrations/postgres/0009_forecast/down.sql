DROP INDEX deals_stage;
CREATE INDEX deals_stage ON deals (workspace_id, stage_id);
DROP TABLE deal_months;
