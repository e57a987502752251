-- What one unit of a currency buys of another, in ten-billionths, from a day on. The pair names both in the
-- order of their codes.
CREATE TABLE exchange_rates (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (key),
    id BLOB NOT NULL,
    pair TEXT NOT NULL,
    base_currency TEXT NOT NULL,
    quote_currency TEXT NOT NULL,
    rate INTEGER NOT NULL,
    valid_from_day INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
-- A deleted rate gives its day free.
CREATE UNIQUE INDEX exchange_rates_day ON exchange_rates (workspace_id, valid_from_day, pair) WHERE deleted_at IS NULL;
CREATE INDEX exchange_rates_pair ON exchange_rates (workspace_id, pair, valid_from_day) WHERE deleted_at IS NULL;

-- As in the first migration: without numbers the planner takes an index for ten rows a workspace.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('exchange_rates', 'exchange_rates_day', '20000 20000 10 1'),
    ('exchange_rates', 'exchange_rates_pair', '20000 20000 2000 1');
ANALYZE sqlite_schema;
