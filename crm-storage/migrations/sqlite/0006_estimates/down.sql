ALTER TABLE deals DROP COLUMN value_estimated;
