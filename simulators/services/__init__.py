"""The table of simulated services: a new one is a file here and a line below."""

from ..service import Service
from .ebay import Ebay
from .epg import Epg
from .etsy import Etsy
from .mypayga import MyPayGa
from .singpay import SingPay

SERVICES: dict[str, type[Service]] = {service.name: service for service in (MyPayGa, SingPay, Epg, Ebay, Etsy)}
