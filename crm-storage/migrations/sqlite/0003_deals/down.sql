DROP TABLE deal_moves;
DROP INDEX deals_expected_close_day;
ALTER TABLE deals DROP COLUMN lost_reason_key;
ALTER TABLE deals DROP COLUMN lost_reason;
ALTER TABLE deals DROP COLUMN forecast_category;
ALTER TABLE deals DROP COLUMN probability;
ALTER TABLE deals DROP COLUMN expected_close_day;
ALTER TABLE stages DROP COLUMN days_until_stale;
ALTER TABLE stages DROP COLUMN probability;
