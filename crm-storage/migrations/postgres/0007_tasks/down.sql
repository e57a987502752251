DELETE FROM idempotency_keys WHERE entity = 13;
DELETE FROM record_tags WHERE entity = 13;
DELETE FROM fingerprints WHERE entity = 13;
DELETE FROM custom_values WHERE field_id IN (SELECT id FROM custom_fields WHERE entity = 13);
DELETE FROM custom_fields WHERE entity = 13;
DROP TABLE tasks_words;
DROP TABLE tasks;
