-- Senders whose `client_id`s rise with time write side by side, whoever they are; by sender first, each of
-- them wrote a page of its own. (SQLite's migration of this number also stores the messages in another form
-- and the numbers of rooms nowhere; here both are as they should be.)
DROP INDEX messages_client;
CREATE UNIQUE INDEX messages_client ON messages (room_id, client_id, sender_id)
    WHERE client_id IS NOT NULL;
