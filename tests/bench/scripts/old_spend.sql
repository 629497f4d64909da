-- A spend's three statements as they would be without an application around them.
\set chosen :account + random(0, :accounts - 1)
BEGIN;
UPDATE accounts_account SET credit = credit - 1, updated_at = now()
WHERE id = :chosen AND credit >= 1 AND is_active;
INSERT INTO accounts_creditentry (account_id, amount, balance_after, kind, reference, label)
VALUES (:chosen, -1, 1, 'spend', 'pgbench:' || gen_random_uuid(), '');
INSERT INTO audit_event
  (occurred_at, action, entity, entity_id, actor_id, actor_kind, request_id, amount, changes, commitment, mac)
VALUES (now(), 'credits.spend', 'account', 'pgbench', '', 'user', '', -1, '{}',
  md5(random()::text) || md5(random()::text), md5(random()::text));
COMMIT;
