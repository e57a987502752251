DELETE FROM sqlite_stat1 WHERE tbl = 'mails' AND idx <> 'mails_at';
DROP INDEX mails_created_by;
DROP INDEX mails_state;
UPDATE mails SET state = 'failed' WHERE state = 'cancelled';
ALTER TABLE mails DROP COLUMN created_by;
ANALYZE sqlite_schema;
