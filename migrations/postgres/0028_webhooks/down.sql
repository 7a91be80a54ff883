DROP INDEX jobs_kind_due;
DROP INDEX jobs_webhook_running;
DROP INDEX jobs_webhook_open;
DROP INDEX jobs_webhook;
ALTER TABLE jobs DROP COLUMN webhook_id;
DROP TABLE webhooks;
