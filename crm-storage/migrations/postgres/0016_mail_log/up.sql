-- Who asked for a mail, whose job may be forgotten by now: senders see what became of theirs.
ALTER TABLE mails ADD COLUMN created_by UUID;
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
