-- Lists of the records with one value, as a company's contacts or a member's deals, come in the order of their making
-- where nobody asks for another: what finds them gives that order as well, and a page of them needs no sorting.
DROP INDEX contacts_company;
DROP INDEX contacts_owner;
DROP INDEX companies_owner;
DROP INDEX deals_contact;
DROP INDEX deals_company;
DROP INDEX deals_owner;
DROP INDEX tasks_contact;
DROP INDEX tasks_company;
DROP INDEX tasks_deal;
DROP INDEX notes_contact;
DROP INDEX notes_company;
DROP INDEX notes_deal;
DROP INDEX notes_author;
DROP INDEX deals_pipeline;
CREATE INDEX contacts_company ON contacts (workspace_id, company_id, created_at, id) WHERE company_id IS NOT NULL;
CREATE INDEX contacts_owner ON contacts (workspace_id, owner_id, created_at, id) WHERE owner_id IS NOT NULL;
CREATE INDEX companies_owner ON companies (workspace_id, owner_id, created_at, id) WHERE owner_id IS NOT NULL;
CREATE INDEX deals_contact ON deals (workspace_id, contact_id, created_at, id) WHERE contact_id IS NOT NULL;
CREATE INDEX deals_company ON deals (workspace_id, company_id, created_at, id) WHERE company_id IS NOT NULL;
CREATE INDEX deals_owner ON deals (workspace_id, owner_id, created_at, id) WHERE owner_id IS NOT NULL;
CREATE INDEX tasks_contact ON tasks (workspace_id, contact_id, created_at, id) WHERE contact_id IS NOT NULL;
CREATE INDEX tasks_company ON tasks (workspace_id, company_id, created_at, id) WHERE company_id IS NOT NULL;
CREATE INDEX tasks_deal ON tasks (workspace_id, deal_id, created_at, id) WHERE deal_id IS NOT NULL;
CREATE INDEX notes_contact ON notes (workspace_id, contact_id, created_at, id) WHERE contact_id IS NOT NULL;
CREATE INDEX notes_company ON notes (workspace_id, company_id, created_at, id) WHERE company_id IS NOT NULL;
CREATE INDEX notes_deal ON notes (workspace_id, deal_id, created_at, id) WHERE deal_id IS NOT NULL;
CREATE INDEX notes_author ON notes (workspace_id, author_id, created_at, id) WHERE author_id IS NOT NULL;
CREATE INDEX deals_pipeline ON deals (workspace_id, pipeline_id, created_at, id);

-- Lists are ordered by these too, for which they have indexes of their own.
CREATE INDEX contacts_lifecycle_made ON contacts (workspace_id, lifecycle, created_at, id);
CREATE INDEX contacts_source_made ON contacts (workspace_id, source_key, created_at, id) WHERE source_key IS NOT NULL;

-- As in the first migration: without numbers the planner takes an index for ten rows a workspace.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('contacts', 'contacts_company', '1000000 1000000 50 2 1'),
    ('contacts', 'contacts_owner', '1000000 1000000 10000 2 1'),
    ('companies', 'companies_owner', '1000000 1000000 10000 2 1'),
    ('deals', 'deals_contact', '1000000 1000000 20 2 1'),
    ('deals', 'deals_company', '1000000 1000000 50 2 1'),
    ('deals', 'deals_owner', '1000000 1000000 10000 2 1'),
    ('tasks', 'tasks_contact', '1000000 1000000 20 2 1'),
    ('tasks', 'tasks_company', '1000000 1000000 50 2 1'),
    ('tasks', 'tasks_deal', '1000000 1000000 20 2 1'),
    ('notes', 'notes_contact', '1000000 1000000 20 2 1'),
    ('notes', 'notes_company', '1000000 1000000 50 2 1'),
    ('notes', 'notes_deal', '1000000 1000000 20 2 1'),
    ('notes', 'notes_author', '1000000 1000000 10000 2 1'),
    ('deals', 'deals_pipeline', '1000000 1000000 500000 10 1'),
    ('contacts', 'contacts_lifecycle_made', '1000000 1000000 500000 10 1'),
    ('contacts', 'contacts_source_made', '1000000 1000000 20000 2 1');
ANALYZE sqlite_schema;
