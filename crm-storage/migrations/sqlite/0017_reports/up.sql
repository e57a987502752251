-- Deals that were lost by the month in which they closed (UTC), beside those that were won: reports about what
-- ended are answered from both.
INSERT INTO deal_months
SELECT workspace_id, status,
    CAST(strftime('%Y', second, 'unixepoch') AS INTEGER) * 12 + CAST(strftime('%m', second, 'unixepoch') AS INTEGER) - 1,
    pipeline_id, stage_id, COALESCE(owner_id, zeroblob(16)), COALESCE(value_currency, ''), -1, '', 0,
    COUNT(*), COALESCE(SUM(value_minor / 4294967296), 0), COALESCE(SUM(value_minor % 4294967296), 0)
FROM (
    -- Division cuts towards zero, and instants before 1970 are negative.
    SELECT *, (closed_at - (closed_at % 1000000 + 1000000) % 1000000) / 1000000 AS second
    FROM deals WHERE deleted_at IS NULL AND status = 'lost' AND closed_at IS NOT NULL
)
GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- Steps of some days: who moved how many deals in them.
CREATE INDEX deal_moves_at ON deal_moves (workspace_id, at);

-- As in the first migration: without numbers the planner takes an index for ten rows a workspace.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('deal_moves', 'deal_moves_at', '3000000 3000000 3');
ANALYZE sqlite_schema;
