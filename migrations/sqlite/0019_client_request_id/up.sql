-- What a client calls its request, beside the id that the server gave it.
ALTER TABLE changes ADD COLUMN client_request_id TEXT;
