ALTER TABLE users ADD COLUMN locale TEXT;

-- When a member last signed in or renewed a sign-in: beside the member's row, whose version it must
-- not move. Like sign-ins it names ids that were checked at sign-in.
CREATE TABLE users_seen (
    workspace_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
) STRICT, WITHOUT ROWID;

-- Ends all sign-ins of a member.
CREATE INDEX sign_ins_user ON sign_ins (workspace_id, user_id);

INSERT INTO users_seen (workspace_id, user_id, at)
SELECT workspace_id, user_id, max(created_at) FROM sign_ins GROUP BY workspace_id, user_id;
