ALTER TABLE stages ADD COLUMN probability BIGINT;
ALTER TABLE stages ADD COLUMN days_until_stale BIGINT;

ALTER TABLE deals ADD COLUMN expected_close_day BIGINT;
ALTER TABLE deals ADD COLUMN probability BIGINT;
ALTER TABLE deals ADD COLUMN forecast_category TEXT COLLATE "C";
ALTER TABLE deals ADD COLUMN lost_reason TEXT;
ALTER TABLE deals ADD COLUMN lost_reason_key TEXT COLLATE "C";
CREATE INDEX deals_expected_close_day ON deals (workspace_id, expected_close_day, id);

-- The way of each deal through the stages. A stage may be gone since.
CREATE TABLE deal_moves (
    workspace_id BIGINT NOT NULL,
    deal_id UUID NOT NULL,
    place BIGINT NOT NULL,
    from_stage UUID,
    to_stage UUID NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, deal_id, place),
    CONSTRAINT deal_moves_deal_id FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id)
);

INSERT INTO deal_moves (workspace_id, deal_id, place, from_stage, to_stage, at)
SELECT j.workspace_id, j.record_id, j.version * 1000 + told.step - 1, (told.event ->> 'from')::uuid,
    (told.event ->> 'to')::uuid, (told.event ->> 'at')::timestamptz
FROM journal j
JOIN deals d ON d.workspace_id = j.workspace_id AND d.id = j.record_id
CROSS JOIN LATERAL jsonb_array_elements(j.events::jsonb) WITH ORDINALITY AS told (event, step)
WHERE j.entity = 6 AND j.events IS NOT NULL AND told.event ->> 'type' = 'deal.moved';

-- What was corrected without a move, and deals that never told one.
UPDATE deal_moves SET at = d.stage_entered_at
FROM deals d
WHERE d.workspace_id = deal_moves.workspace_id AND d.id = deal_moves.deal_id AND d.stage_id = deal_moves.to_stage
    AND deal_moves.place = (SELECT max(m.place) FROM deal_moves m
        WHERE m.workspace_id = deal_moves.workspace_id AND m.deal_id = deal_moves.deal_id);
INSERT INTO deal_moves (workspace_id, deal_id, place, from_stage, to_stage, at)
SELECT d.workspace_id, d.id, d.version * 1000 + 999, last.to_stage, d.stage_id, d.stage_entered_at
FROM deals d
LEFT JOIN deal_moves last ON last.workspace_id = d.workspace_id AND last.deal_id = d.id
    AND last.place = (SELECT max(m.place) FROM deal_moves m WHERE m.workspace_id = d.workspace_id AND m.deal_id = d.id)
WHERE last.to_stage IS DISTINCT FROM d.stage_id;
