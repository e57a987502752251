-- Lists of the records with one value, as a company's contacts or a member's deals, come in the order of their making
-- where nobody asks for another: what finds them gives that order as well, and a page of them needs no sorting. By
-- their source and lifecycle contacts are ordered too, for which they have indexes of their own.
CREATE INDEX contacts_company_new ON contacts (workspace_id, company_id, created_at, id) WHERE company_id IS NOT NULL;
CREATE INDEX contacts_owner_new ON contacts (workspace_id, owner_id, created_at, id) WHERE owner_id IS NOT NULL;
CREATE INDEX companies_owner_new ON companies (workspace_id, owner_id, created_at, id) WHERE owner_id IS NOT NULL;
CREATE INDEX deals_contact_new ON deals (workspace_id, contact_id, created_at, id) WHERE contact_id IS NOT NULL;
CREATE INDEX deals_company_new ON deals (workspace_id, company_id, created_at, id) WHERE company_id IS NOT NULL;
CREATE INDEX deals_owner_new ON deals (workspace_id, owner_id, created_at, id) WHERE owner_id IS NOT NULL;
CREATE INDEX tasks_contact_new ON tasks (workspace_id, contact_id, created_at, id) WHERE contact_id IS NOT NULL;
CREATE INDEX tasks_company_new ON tasks (workspace_id, company_id, created_at, id) WHERE company_id IS NOT NULL;
CREATE INDEX tasks_deal_new ON tasks (workspace_id, deal_id, created_at, id) WHERE deal_id IS NOT NULL;
CREATE INDEX notes_contact_new ON notes (workspace_id, contact_id, created_at, id) WHERE contact_id IS NOT NULL;
CREATE INDEX notes_company_new ON notes (workspace_id, company_id, created_at, id) WHERE company_id IS NOT NULL;
CREATE INDEX notes_deal_new ON notes (workspace_id, deal_id, created_at, id) WHERE deal_id IS NOT NULL;
CREATE INDEX notes_author_new ON notes (workspace_id, author_id, created_at, id) WHERE author_id IS NOT NULL;
CREATE INDEX deals_pipeline_new ON deals (workspace_id, pipeline_id, created_at, id);
CREATE INDEX contacts_lifecycle_made ON contacts (workspace_id, lifecycle, created_at, id);
CREATE INDEX contacts_source_made ON contacts (workspace_id, source_key, created_at, id) WHERE source_key IS NOT NULL;

-- At the end, because whoever drops an index keeps readers of its table out until the whole has ended.
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
ALTER INDEX contacts_company_new RENAME TO contacts_company;
ALTER INDEX contacts_owner_new RENAME TO contacts_owner;
ALTER INDEX companies_owner_new RENAME TO companies_owner;
ALTER INDEX deals_contact_new RENAME TO deals_contact;
ALTER INDEX deals_company_new RENAME TO deals_company;
ALTER INDEX deals_owner_new RENAME TO deals_owner;
ALTER INDEX tasks_contact_new RENAME TO tasks_contact;
ALTER INDEX tasks_company_new RENAME TO tasks_company;
ALTER INDEX tasks_deal_new RENAME TO tasks_deal;
ALTER INDEX notes_contact_new RENAME TO notes_contact;
ALTER INDEX notes_company_new RENAME TO notes_company;
ALTER INDEX notes_deal_new RENAME TO notes_deal;
ALTER INDEX notes_author_new RENAME TO notes_author;
ALTER INDEX deals_pipeline_new RENAME TO deals_pipeline;
