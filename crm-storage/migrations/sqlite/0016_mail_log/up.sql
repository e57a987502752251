-- Who asked for a mail, whose job may be forgotten by now: senders see what became of theirs.
ALTER TABLE mails ADD COLUMN created_by BLOB;
UPDATE mails SET created_by = (
    SELECT jobs.created_by FROM jobs WHERE jobs.workspace_id = mails.workspace_id AND jobs.id = mails.id
);
-- Until now a mail waited for ever in the log whose job was cancelled or failed without its word.
UPDATE mails SET state = CASE WHEN EXISTS (
    SELECT 1 FROM jobs
    WHERE jobs.workspace_id = mails.workspace_id AND jobs.id = mails.id AND jobs.state = 'cancelled'
) THEN 'cancelled' ELSE 'failed' END
WHERE state = 'queued' AND NOT EXISTS (
    SELECT 1 FROM jobs
    WHERE jobs.workspace_id = mails.workspace_id AND jobs.id = mails.id AND jobs.state IN ('queued', 'running')
);
CREATE INDEX mails_state ON mails (workspace_id, state, id);
CREATE INDEX mails_created_by ON mails (workspace_id, created_by, id) WHERE created_by IS NOT NULL;

-- As in the first migration: without numbers the planner takes an index for ten rows a workspace.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('mails', 'mails', '20000 10000 1'),
    ('mails', 'mails_state', '20000 10000 4000 1'),
    ('mails', 'mails_created_by', '20000 10000 400 1');
ANALYZE sqlite_schema;
