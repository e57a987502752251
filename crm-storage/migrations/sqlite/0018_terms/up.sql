-- The words that there are, beside each index of words: a search looks up here which words a word begins. FTS5 tells
-- them only with the number of records of each, which takes several times as long. Whoever writes the index writes
-- them too, and a program of before would leave new words out: so `min_binary` rises with it, and such programs are
-- stopped first (docs/ARCHITECTURE.md).
CREATE TABLE contacts_words_terms (term TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE companies_words_terms (term TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE deals_words_terms (term TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE tasks_words_terms (term TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE notes_words_terms (term TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE users_words_terms (term TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;

-- Those of the records that are there already, which the indexes tell of.
CREATE VIRTUAL TABLE temp.contacts_vocabulary USING fts5vocab(main, contacts_words, row);
INSERT INTO contacts_words_terms (term) SELECT term FROM temp.contacts_vocabulary;
DROP TABLE temp.contacts_vocabulary;
CREATE VIRTUAL TABLE temp.companies_vocabulary USING fts5vocab(main, companies_words, row);
INSERT INTO companies_words_terms (term) SELECT term FROM temp.companies_vocabulary;
DROP TABLE temp.companies_vocabulary;
CREATE VIRTUAL TABLE temp.deals_vocabulary USING fts5vocab(main, deals_words, row);
INSERT INTO deals_words_terms (term) SELECT term FROM temp.deals_vocabulary;
DROP TABLE temp.deals_vocabulary;
CREATE VIRTUAL TABLE temp.tasks_vocabulary USING fts5vocab(main, tasks_words, row);
INSERT INTO tasks_words_terms (term) SELECT term FROM temp.tasks_vocabulary;
DROP TABLE temp.tasks_vocabulary;
CREATE VIRTUAL TABLE temp.notes_vocabulary USING fts5vocab(main, notes_words, row);
INSERT INTO notes_words_terms (term) SELECT term FROM temp.notes_vocabulary;
DROP TABLE temp.notes_vocabulary;
CREATE VIRTUAL TABLE temp.users_vocabulary USING fts5vocab(main, users_words, row);
INSERT INTO users_words_terms (term) SELECT term FROM temp.users_vocabulary;
DROP TABLE temp.users_vocabulary;
