-- Deals that were lost by the month in which they closed (UTC), beside those that were won: reports about what
-- ended are answered from both. The lock lets commits that are under way end before the sums are taken, and others
-- wait for them; it does not outlast the migration, and a program of before would leave lost deals out of the sums.
-- So `min_binary` rises with it, and such programs are stopped first (docs/ARCHITECTURE.md).
LOCK TABLE deals IN SHARE MODE;
INSERT INTO deal_months
SELECT workspace_id, status, EXTRACT(YEAR FROM day)::BIGINT * 12 + EXTRACT(MONTH FROM day)::BIGINT - 1, pipeline_id,
    stage_id, COALESCE(owner_id, '00000000-0000-0000-0000-000000000000'), COALESCE(value_currency, ''), -1, '', 0,
    COUNT(*), COALESCE(SUM(value_minor / 4294967296), 0), COALESCE(SUM(value_minor % 4294967296), 0)
FROM (
    SELECT *, (closed_at AT TIME ZONE 'UTC')::DATE AS day
    FROM deals WHERE deleted_at IS NULL AND status = 'lost' AND closed_at IS NOT NULL
) AS lost
GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- Steps of some days: who moved how many deals in them.
CREATE INDEX deal_moves_at ON deal_moves (workspace_id, at);
