-- What one unit of a currency buys of another, in ten-billionths, from a day on. The pair names both in the
-- order of their codes.
CREATE TABLE exchange_rates (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (key),
    id UUID NOT NULL,
    pair TEXT COLLATE "C" NOT NULL,
    base_currency TEXT COLLATE "C" NOT NULL,
    quote_currency TEXT COLLATE "C" NOT NULL,
    rate BIGINT NOT NULL,
    valid_from_day BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL,
    deleted_at TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id)
);
-- A deleted rate gives its day free.
CREATE UNIQUE INDEX exchange_rates_day ON exchange_rates (workspace_id, valid_from_day, pair) WHERE deleted_at IS NULL;
CREATE INDEX exchange_rates_pair ON exchange_rates (workspace_id, pair, valid_from_day) WHERE deleted_at IS NULL;
