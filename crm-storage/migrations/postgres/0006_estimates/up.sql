ALTER TABLE deals ADD COLUMN value_estimated BIGINT NOT NULL DEFAULT 0;

-- Deals that ended without saying when did so when they got to their stage: figures ask for the end. No entry of
-- the journal says so, because nobody decided it: it follows from what the journal holds, and `Deal::edit` says the
-- same of every deal that is written, also of one that an undoing takes back to an image without an end. Only
-- imports made such deals, so the one entry that shows them so is that of their making.
UPDATE deals SET closed_at = stage_entered_at WHERE status <> 'open' AND closed_at IS NULL;
