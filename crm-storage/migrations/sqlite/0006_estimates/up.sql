ALTER TABLE deals ADD COLUMN value_estimated INTEGER NOT NULL DEFAULT 0;

-- Deals that ended without saying when did so when they got to their stage: figures ask for the end.
UPDATE deals SET closed_at = stage_entered_at WHERE status <> 'open' AND closed_at IS NULL;
