-- A booking's insert with its constraints, under the lock of its doctor, as it would be without an application.
\set chosen random(0, :doctors - 1)
\set half random(0, 100000000)
\set someone random(0, :patients - 1)
BEGIN;
SELECT id FROM appointments_practitioner WHERE id = :doctor + :chosen FOR NO KEY UPDATE;
INSERT INTO appointments_appointment
  (public_id, practitioner_id, patient_id, visit_type_id, starts_at, ends_at, blocked_from, blocked_until, status,
   reason, private_notes, price, currency, credits_charged, paid_with, overbooked, overbook_reason, sequence,
   scheduled_at, cancel_reason)
SELECT gen_random_uuid(), :doctor + :chosen, :patient + :someone, :kind + :chosen, t, t + interval '30 minutes',
  t, t + interval '30 minutes', 'booked', '', '', 0, 'XAF', 0, '', false, '', 0, now(), ''
FROM (SELECT timestamptz '2100-01-01' + :half * interval '30 minutes' AS t) AS slot
ON CONFLICT DO NOTHING;
COMMIT;
