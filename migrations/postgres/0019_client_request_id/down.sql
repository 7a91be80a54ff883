ALTER TABLE changes DROP COLUMN client_request_id;
