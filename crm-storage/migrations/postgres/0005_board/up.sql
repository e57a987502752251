-- The sums of the board, kept by every commit. A probability that nobody gave is -1, a deal without a
-- value has no currency, worth is in halves of 32 bits. Connections add to slots of their own, so that
-- their commits need not wait for one another; a sum is over all slots.
CREATE TABLE deal_sums (
    workspace_id BIGINT NOT NULL,
    pipeline_id UUID NOT NULL,
    stage_id UUID NOT NULL,
    probability BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    slot INTEGER NOT NULL,
    deals BIGINT NOT NULL,
    high BIGINT NOT NULL,
    low BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, pipeline_id, stage_id, probability, currency, slot),
    CONSTRAINT deal_sums_pipeline_id FOREIGN KEY (workspace_id, pipeline_id) REFERENCES pipelines (workspace_id, id)
) WITH (fillfactor = 50);

-- How often deals that are there went from one stage to another; the id of zeros is where they began.
CREATE TABLE deal_flows (
    workspace_id BIGINT NOT NULL,
    pipeline_id UUID NOT NULL,
    from_stage UUID NOT NULL,
    to_stage UUID NOT NULL,
    slot INTEGER NOT NULL,
    moves BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, pipeline_id, from_stage, to_stage, slot),
    CONSTRAINT deal_flows_pipeline_id FOREIGN KEY (workspace_id, pipeline_id) REFERENCES pipelines (workspace_id, id)
) WITH (fillfactor = 50);

-- Nobody changes a deal between the sums and the first commit that keeps them.
LOCK TABLE deals IN SHARE MODE;
INSERT INTO deal_sums (workspace_id, pipeline_id, stage_id, probability, currency, slot, deals, high, low)
SELECT workspace_id, pipeline_id, stage_id, COALESCE(probability, -1), COALESCE(value_currency, ''), 0, COUNT(*),
    COALESCE(SUM(value_minor / 4294967296), 0), COALESCE(SUM(value_minor % 4294967296), 0)
FROM deals WHERE deleted_at IS NULL
GROUP BY workspace_id, pipeline_id, stage_id, probability, value_currency;
INSERT INTO deal_flows (workspace_id, pipeline_id, from_stage, to_stage, slot, moves)
SELECT d.workspace_id, d.pipeline_id, COALESCE(m.from_stage, '00000000-0000-0000-0000-000000000000'), m.to_stage, 0,
    COUNT(*)
FROM deals d JOIN deal_moves m ON m.workspace_id = d.workspace_id AND m.deal_id = d.id
WHERE d.deleted_at IS NULL
GROUP BY d.workspace_id, d.pipeline_id, m.from_stage, m.to_stage;
