DROP INDEX sign_ins_user;
DROP TABLE users_seen;
ALTER TABLE users DROP COLUMN locale;
