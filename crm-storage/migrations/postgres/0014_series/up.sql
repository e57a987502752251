-- How tasks recur and when somebody is reminded of them. `recurrence` is in small letters, as filters compare it;
-- `recurrence_start` is a day or an instant. `next_id` may name a task that was purged since.
ALTER TABLE tasks ADD COLUMN reminder TEXT COLLATE "C";
ALTER TABLE tasks ADD COLUMN recurrence TEXT COLLATE "C";
ALTER TABLE tasks ADD COLUMN recurrence_start TEXT;
ALTER TABLE tasks ADD COLUMN next_id UUID;
