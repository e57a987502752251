-- The sums of forecasts, kept by every commit: open deals by the month in which they are expected, won ones
-- by that in which they closed (UTC). A month is counted from year 0, -1 is none. A probability that nobody
-- gave is -1, a category is empty, an owner is the id of zeros; a deal without a value has no currency, worth
-- is in halves of 32 bits. Connections add to slots of their own; a sum is over all slots.
CREATE TABLE deal_months (
    workspace_id BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    month BIGINT NOT NULL,
    pipeline_id UUID NOT NULL,
    stage_id UUID NOT NULL,
    owner_id UUID NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    probability BIGINT NOT NULL,
    category TEXT COLLATE "C" NOT NULL,
    slot INTEGER NOT NULL,
    deals BIGINT NOT NULL,
    high BIGINT NOT NULL,
    low BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, status, month, pipeline_id, stage_id, owner_id, currency, probability, category, slot),
    CONSTRAINT deal_months_pipeline_id FOREIGN KEY (workspace_id, pipeline_id) REFERENCES pipelines (workspace_id, id)
) WITH (fillfactor = 50);

-- Nobody changes a deal between the sums and the first commit that keeps them.
LOCK TABLE deals IN SHARE MODE;
INSERT INTO deal_months
SELECT workspace_id, status, month, pipeline_id, stage_id,
    COALESCE(owner_id, '00000000-0000-0000-0000-000000000000'), COALESCE(value_currency, ''),
    CASE status WHEN 'open' THEN COALESCE(probability, -1) ELSE -1 END,
    CASE status WHEN 'open' THEN COALESCE(forecast_category, '') ELSE '' END,
    0, COUNT(*), COALESCE(SUM(value_minor / 4294967296), 0), COALESCE(SUM(value_minor % 4294967296), 0)
FROM (
    SELECT deals.*, COALESCE(EXTRACT(YEAR FROM day)::BIGINT * 12 + EXTRACT(MONTH FROM day)::BIGINT - 1, -1) AS month
    FROM (
        SELECT *, CASE status WHEN 'open' THEN DATE '1970-01-01' + expected_close_day::INTEGER
            ELSE (closed_at AT TIME ZONE 'UTC')::DATE END AS day
        FROM deals
        WHERE deleted_at IS NULL AND (status = 'open' OR (status = 'won' AND closed_at IS NOT NULL))
    ) AS deals
) AS dated
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

-- The first cards of the board's columns, in their order.
DROP INDEX deals_stage;
CREATE INDEX deals_stage ON deals (workspace_id, stage_id, stage_entered_at, id);
