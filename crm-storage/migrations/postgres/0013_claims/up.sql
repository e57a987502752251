-- The version that the take of a job wrote which is the present one, or was the last: whoever holds the job writes
-- under it, whatever became of the version meanwhile.
ALTER TABLE jobs ADD COLUMN claim BIGINT NOT NULL DEFAULT 0;
