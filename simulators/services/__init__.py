"""The table of simulated services: a new one is a file here and a line below."""

from ..service import Service
from .epg import Epg
from .mypayga import MyPayGa
from .singpay import SingPay

SERVICES: dict[str, type[Service]] = {service.name: service for service in (MyPayGa, SingPay, Epg)}
