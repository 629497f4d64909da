-- A reservation's five statements as they would be without an application around them.
\set someone random(0, :accounts - 1)
\set chosen :account + :someone
\set owner :user + :someone
\set first random(:stock, :stock + :stocks - 2)
\set second :first + 1
BEGIN;
UPDATE accounts_account SET credit = credit - 1, updated_at = now()
WHERE id = :chosen AND credit >= 1 AND is_active;
INSERT INTO reservations_reservation
  (public_id, user_id, pharmacy_id, status, pickup_code, total, currency, credits_charged, expires_at, reason)
VALUES (gen_random_uuid(), :owner, :pharmacy, 'confirmed',
  substr(encode(sha256(random()::text::bytea), 'base64'), 1, 8), 3000, 'XAF', 1, now() + interval '2 hours', '');
INSERT INTO reservations_reservationline
  (reservation_id, stock_id, product_code, label, quantity, unit_price, held_until)
VALUES (currval('reservations_reservation_id_seq'), :first, 'first', 'Bench', 1, 1000,
  now() + interval '2 hours');
INSERT INTO reservations_reservationline
  (reservation_id, stock_id, product_code, label, quantity, unit_price, held_until)
VALUES (currval('reservations_reservation_id_seq'), :second, 'second', 'Bench', 2, 1000,
  now() + interval '2 hours');
INSERT INTO audit_event
  (occurred_at, action, entity, entity_id, actor_id, actor_kind, request_id, amount, changes, commitment, mac)
VALUES (now(), 'reservation.confirmed', 'reservation', 'pgbench', '', 'user', '', NULL, '{}',
  md5(random()::text) || md5(random()::text), md5(random()::text));
COMMIT;
