DELETE FROM job_keys WHERE EXISTS (
    SELECT 1 FROM jobs WHERE jobs.workspace_id = job_keys.workspace_id AND jobs.id = job_keys.job_id
        AND jobs.kind IN ('task.remind', 'task.remind_anew')
);
DELETE FROM jobs WHERE kind IN ('task.remind', 'task.remind_anew');
ALTER TABLE tasks DROP COLUMN next_id;
ALTER TABLE tasks DROP COLUMN recurrence_start;
ALTER TABLE tasks DROP COLUMN recurrence;
ALTER TABLE tasks DROP COLUMN reminder;
