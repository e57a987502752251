ALTER TABLE pipelines ADD COLUMN deleted_at INTEGER;
