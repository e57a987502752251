-- The sums of forecasts, kept by every commit: open deals by the month in which they are expected, won ones
-- by that in which they closed (UTC). A month is counted from year 0, -1 is none. A probability that nobody
-- gave is -1, a category is empty, an owner is 16 zero bytes; a deal without a value has no currency, worth
-- is in halves of 32 bits. One process writes at a time: one slot.
CREATE TABLE deal_months (
    workspace_id INTEGER NOT NULL,
    status TEXT NOT NULL,
    month INTEGER NOT NULL,
    pipeline_id BLOB NOT NULL,
    stage_id BLOB NOT NULL,
    owner_id BLOB NOT NULL,
    currency TEXT NOT NULL,
    probability INTEGER NOT NULL,
    category TEXT NOT NULL,
    slot INTEGER NOT NULL,
    deals INTEGER NOT NULL,
    high INTEGER NOT NULL,
    low INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, status, month, pipeline_id, stage_id, owner_id, currency, probability, category, slot),
    FOREIGN KEY (workspace_id, pipeline_id) REFERENCES pipelines (workspace_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO deal_months
SELECT workspace_id, status, month, pipeline_id, stage_id, COALESCE(owner_id, zeroblob(16)), COALESCE(value_currency, ''),
    CASE status WHEN 'open' THEN COALESCE(probability, -1) ELSE -1 END,
    CASE status WHEN 'open' THEN COALESCE(forecast_category, '') ELSE '' END,
    0, COUNT(*), COALESCE(SUM(value_minor / 4294967296), 0), COALESCE(SUM(value_minor % 4294967296), 0)
FROM (
    SELECT deals.*, COALESCE(
        CAST(strftime('%Y', second, 'unixepoch') AS INTEGER) * 12 + CAST(strftime('%m', second, 'unixepoch') AS INTEGER) - 1,
        -1) AS month
    FROM (
        -- Division cuts towards zero, and instants before 1970 are negative.
        SELECT *, CASE status WHEN 'open' THEN expected_close_day * 86400
            ELSE (closed_at - (closed_at % 1000000 + 1000000) % 1000000) / 1000000 END AS second
        FROM deals
        WHERE deleted_at IS NULL AND (status = 'open' OR (status = 'won' AND closed_at IS NOT NULL))
    ) AS deals
)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

-- The first cards of the board's columns, in their order.
DROP INDEX deals_stage;
CREATE INDEX deals_stage ON deals (workspace_id, stage_id, stage_entered_at, id);

-- As in the first migration: without numbers the planner takes an index for ten rows a workspace.
DELETE FROM sqlite_stat1 WHERE tbl = 'deals' AND idx = 'deals_stage';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('deals', 'deals_stage', '1000000 1000000 100000 10 1');
ANALYZE sqlite_schema;
