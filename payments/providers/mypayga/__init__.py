"""MyPayGa: Airtel Money and Moov Money in Gabon, callbacks signed with HMAC-SHA512."""
