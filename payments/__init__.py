"""Money in: payments, their attempts at a gateway, callbacks, refunds. Knows no purpose but by registry."""
