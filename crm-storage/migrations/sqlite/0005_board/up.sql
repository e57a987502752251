-- The sums of the board, kept by every commit. A probability that nobody gave is -1, a deal without a
-- value has no currency, worth is in halves of 32 bits. One process writes at a time: one slot.
CREATE TABLE deal_sums (
    workspace_id INTEGER NOT NULL,
    pipeline_id BLOB NOT NULL,
    stage_id BLOB NOT NULL,
    probability INTEGER NOT NULL,
    currency TEXT NOT NULL,
    slot INTEGER NOT NULL,
    deals INTEGER NOT NULL,
    high INTEGER NOT NULL,
    low INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, pipeline_id, stage_id, probability, currency, slot),
    FOREIGN KEY (workspace_id, pipeline_id) REFERENCES pipelines (workspace_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO deal_sums (workspace_id, pipeline_id, stage_id, probability, currency, slot, deals, high, low)
SELECT workspace_id, pipeline_id, stage_id, COALESCE(probability, -1), COALESCE(value_currency, ''), 0, COUNT(*),
    COALESCE(SUM(value_minor / 4294967296), 0), COALESCE(SUM(value_minor % 4294967296), 0)
FROM deals WHERE deleted_at IS NULL
GROUP BY workspace_id, pipeline_id, stage_id, probability, value_currency;

-- How often deals that are there went from one stage to another; 16 zero bytes are where they began.
CREATE TABLE deal_flows (
    workspace_id INTEGER NOT NULL,
    pipeline_id BLOB NOT NULL,
    from_stage BLOB NOT NULL,
    to_stage BLOB NOT NULL,
    slot INTEGER NOT NULL,
    moves INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, pipeline_id, from_stage, to_stage, slot),
    FOREIGN KEY (workspace_id, pipeline_id) REFERENCES pipelines (workspace_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO deal_flows (workspace_id, pipeline_id, from_stage, to_stage, slot, moves)
SELECT d.workspace_id, d.pipeline_id, COALESCE(m.from_stage, zeroblob(16)), m.to_stage, 0, COUNT(*)
FROM deals d CROSS JOIN deal_moves m
WHERE m.workspace_id = d.workspace_id AND m.deal_id = d.id AND d.deleted_at IS NULL
GROUP BY d.workspace_id, d.pipeline_id, m.from_stage, m.to_stage;
