DROP TABLE users_words_terms;
DROP TABLE notes_words_terms;
DROP TABLE tasks_words_terms;
DROP TABLE deals_words_terms;
DROP TABLE companies_words_terms;
DROP TABLE contacts_words_terms;
