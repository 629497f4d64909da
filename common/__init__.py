"""What every app needs and no app owns: errors, money, idempotency, outbound HTTP. Knows no domain."""
