-- One row, one transaction: what storing a message costs without an application around it.
INSERT INTO payments_callbackmessage
  (provider, digest, content_type, body, verdict, reason, next_at)
VALUES ('pgbench', encode(sha256((random()::text || clock_timestamp()::text)::bytea), 'hex'), 'application/json',
  decode(repeat('7b', 350), 'hex'), 'refused', '', NULL);
