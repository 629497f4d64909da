"""SingPay: USSD push to Airtel and Moov phones, and a hosted page."""
