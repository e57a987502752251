DROP TABLE mails;
DROP TABLE mail_suppressions;
DROP TABLE mail_templates;
