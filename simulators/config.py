"""What the simulated services expect from their callers. The defaults are plainly fake: they open nothing real."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """Keys the simulators check, and their timing. All times are seconds.

    `decide_after` is the time between the acceptance of a payment and its outcome, unless the payer's phone says
    otherwise; `callback_timeout` is how long a simulator waits for the answer to a callback.
    """

    mypayga_api_key: str = "stest_demo"
    mypayga_callback_secret: str = "demo-callback-secret"
    singpay_client_id: str = "00000000-0000-4000-8000-000000000000"
    singpay_client_secret: str = "demo-client-secret"
    singpay_wallet: str = "000000000000000000000000"
    epg_api_key: str = "demo-epg-key"
    ebay_client_id: str = "demo-ebay-client"
    ebay_client_secret: str = "demo-ebay-secret"
    etsy_api_key: str = "demo-etsy-keystring"
    decide_after: float = 0.3
    callback_timeout: float = 10.0
    journal_size: int = 10_000
