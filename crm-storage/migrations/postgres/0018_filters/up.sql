-- What filters ask for beside what lists are ordered by. Where most rows have no value, those alone are in the
-- index: a filter says that there is one, so it is found. What only filters ask for needs no id.
CREATE INDEX deals_value_estimated ON deals (workspace_id) WHERE value_estimated = 1;
CREATE INDEX deals_probability ON deals (workspace_id, probability) WHERE probability IS NOT NULL;
CREATE INDEX deals_forecast_category ON deals (workspace_id, forecast_category) WHERE forecast_category IS NOT NULL;
CREATE INDEX deals_lost_reason ON deals (workspace_id, lost_reason_key) WHERE lost_reason_key IS NOT NULL;
CREATE INDEX tasks_kind ON tasks (workspace_id, kind);
CREATE INDEX tasks_priority ON tasks (workspace_id, priority);
CREATE INDEX tasks_due_day ON tasks (workspace_id, due_day) WHERE due_day IS NOT NULL;
CREATE INDEX tasks_duration_minutes ON tasks (workspace_id, duration_minutes) WHERE duration_minutes IS NOT NULL;
CREATE INDEX tasks_created_by ON tasks (workspace_id, created_by) WHERE created_by IS NOT NULL;
CREATE INDEX tasks_recurrence ON tasks (workspace_id, recurrence) WHERE recurrence IS NOT NULL;
CREATE INDEX tasks_reminder ON tasks (workspace_id, reminder) WHERE reminder IS NOT NULL;

-- One index is enough: an entry is taken from the queue by its workspace, whose entries it is taken with.
ALTER TABLE journal_queue DROP CONSTRAINT journal_queue_pkey;
ALTER TABLE journal_queue ADD PRIMARY KEY (workspace_id, position);
DROP INDEX journal_queue_workspace;
