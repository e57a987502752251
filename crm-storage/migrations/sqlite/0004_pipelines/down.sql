ALTER TABLE pipelines DROP COLUMN deleted_at;
