-- What workers look at and write beside `data`, which holds what does not change on the way. `run_at` is when a
-- job is to be taken; `due_at` is that too, or when its worker's lease ends.
ALTER TABLE jobs ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'unknown';
ALTER TABLE jobs ADD COLUMN priority SMALLINT NOT NULL DEFAULT 2;
ALTER TABLE jobs ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN run_at TIMESTAMPTZ;
ALTER TABLE jobs ADD COLUMN started_at TIMESTAMPTZ;
ALTER TABLE jobs ADD COLUMN finished_at TIMESTAMPTZ;
ALTER TABLE jobs ADD COLUMN updated_at TIMESTAMPTZ NOT NULL DEFAULT 'epoch';
ALTER TABLE jobs ADD COLUMN errors TEXT;
-- Names of queues, kinds and states are compared as they are.
ALTER TABLE jobs ALTER COLUMN queue TYPE TEXT COLLATE "C";
ALTER TABLE jobs ALTER COLUMN state TYPE TEXT COLLATE "C";
UPDATE jobs SET
    kind = coalesce(data::json ->> 'kind', 'unknown'),
    attempts = coalesce((data::json ->> 'attempts')::integer, 0),
    run_at = CASE WHEN state = 'queued' THEN due_at END,
    finished_at = (data::json ->> 'finished_at')::timestamptz,
    updated_at = coalesce((data::json ->> 'updated_at')::timestamptz, 'epoch')
WHERE data LIKE '{%}';

DROP INDEX jobs_due;
DROP INDEX jobs_created_by;
CREATE INDEX jobs_created_by ON jobs (workspace_id, created_by, id) WHERE created_by IS NOT NULL;
-- Each holds few jobs: those that wait, that are being done, that failed, that can be forgotten.
CREATE INDEX jobs_waiting ON jobs (queue, priority, due_at, id) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (queue, due_at) WHERE state = 'running';
CREATE INDEX jobs_failed ON jobs (workspace_id, id) WHERE state = 'failed';
CREATE INDEX jobs_ended ON jobs (workspace_id, finished_at) WHERE finished_at IS NOT NULL;

-- Unique keys of jobs: who holds them, and until when; until its end where absent.
CREATE TABLE job_keys (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (key),
    key BYTEA NOT NULL,
    job_id UUID NOT NULL,
    until TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, key)
);
CREATE INDEX job_keys_until ON job_keys (workspace_id, until) WHERE until IS NOT NULL;

-- Queues from which a workspace lets nothing be taken.
CREATE TABLE paused_queues (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (key),
    queue TEXT COLLATE "C" NOT NULL,
    paused_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, queue)
);
