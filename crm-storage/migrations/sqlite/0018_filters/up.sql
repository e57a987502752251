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

-- As in the first migration: without numbers the planner takes an index for ten rows a workspace. Those of the few
-- kinds and priorities are of rare ones: a list of many rows is walked in its order without asking the planner.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('deals', 'deals_value_estimated', '20000 20000'),
    ('deals', 'deals_probability', '100000 100000 2000'),
    ('deals', 'deals_forecast_category', '100000 100000 20000'),
    ('deals', 'deals_lost_reason', '100000 100000 1000'),
    ('tasks', 'tasks_kind', '1000000 1000000 20000'),
    ('tasks', 'tasks_priority', '1000000 1000000 20000'),
    ('tasks', 'tasks_due_day', '500000 500000 500'),
    ('tasks', 'tasks_duration_minutes', '200000 200000 20000'),
    ('tasks', 'tasks_created_by', '1000000 1000000 10000'),
    ('tasks', 'tasks_recurrence', '20000 20000 1000'),
    ('tasks', 'tasks_reminder', '200000 200000 20000');
ANALYZE sqlite_schema;
