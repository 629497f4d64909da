"""A small world for the tests of the back office: one row of every kind that staff meet."""

import itertools
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from accounts.enums import Role
from accounts.models import AccountReview, Approval, PriceList, Rate, User
from accounts.services.corrections import grant_credits
from accounts.tests.factories import make_user
from appointments.enums import FeedKind
from appointments.models import Appointment, FreedSlot
from appointments.services.calendars import share
from appointments.tests.factories import make_appointment, make_entry, make_practitioner
from audit.models import Archive
from audit.seals import archive_rows
from audit.seals.sealing import seal_next
from catalog.models import DutyPeriod, Holiday, Pharmacy, PlannedPrice, PriceChange, ProductChange, Stock, StockAlert
from common.mail import send_mail_later
from common.models import FileImport, IdempotencyKey, ImportBatch
from marketplaces.enums import Review
from marketplaces.models import Brand, Color, Material, Size
from marketplaces.tests.factories import (
    make_connection,
    make_dead_letter,
    make_image,
    make_item,
    make_listing,
    make_merchant,
    make_order,
)
from payments.enums import RefundStatus, Status
from payments.models import CallbackMessage, Payment, Refund
from payments.providers.base import Outcome, Report, Started
from payments.services.moves import move
from payments.services.receiving import store_callback
from payments.services.settling import settle
from payments.services.starting import create_payment, record_start
from reservations.models import Reservation
from reservations.tests.factories import (
    make_epg_request,
    make_pharmacist,
    make_pharmacy,
    make_reservation,
    make_stock,
)

_numbers = itertools.count(1)


def make_rate() -> Rate:
    return Rate.objects.create(label=f"Famille {next(_numbers)}", price=2_500, credits=30)


def make_payment(user: User, *, purpose: str, purpose_id: object, status: Status = Status.CREATED) -> Payment:
    """A payment brought to `status` (created, pending, unknown, held or succeeded) by what a gateway would say."""
    payment = create_payment(
        user, purpose=purpose, purpose_id=str(purpose_id), provider="mypayga", phone="077 12 34 56"
    )
    if status == Status.CREATED:
        return payment
    move(payment, Status.SUBMITTING)
    attempt = payment.attempts.get()
    outcome = Outcome.UNKNOWN if status == Status.UNKNOWN else Outcome.PENDING
    payment = record_start(payment.pk, attempt.pk, Started(outcome, provider_id=f"token-{payment.pk}"))
    if status in (Status.HELD, Status.SUCCEEDED):
        amount = payment.amount + (1 if status == Status.HELD else 0)
        settle(attempt, Report(Outcome.PAID, reference=attempt.reference, amount=amount, currency="XAF"))
        payment = Payment.objects.get(pk=payment.pk)
    return payment


def make_rate_payment(user: User | None = None, status: Status = Status.SUCCEEDED) -> Payment:
    """A payment for a pack of its own."""
    return make_payment(user or make_user(), purpose="rate", purpose_id=make_rate().pk, status=status)


def make_refund(status: RefundStatus = RefundStatus.DUE, payment: Payment | None = None) -> Refund:
    sent = status in (RefundStatus.SENT, RefundStatus.DONE, RefundStatus.FAILED)
    return Refund.objects.create(
        payment=payment or make_rate_payment(),
        amount=1_000,
        status=status,
        reason="nothing_to_grant",
        external_reference=f"GW-{next(_numbers)}" if sent else "",
    )


def make_approval(beneficiary: User | None = None, by: User | None = None) -> Approval:
    """A gift far above what one person may give."""
    account = (beneficiary or make_user()).account
    approval = grant_credits(account, credits=100_000, reason="geste", by=by or make_user(Role.STAFF))
    assert approval is not None
    return approval


def make_review(user: User | None = None) -> AccountReview:
    """An account with more credits than anything explains."""
    account = (user or make_user()).account
    return AccountReview.objects.create(account=account, reason="unexplained", found=100, explained=10)


@dataclass(frozen=True)
class World:
    patient: User
    pharmacist: User
    pharmacy: Pharmacy
    stock: Stock
    reservation: Reservation
    paid: Payment
    held: Payment
    refund: Refund
    callback: CallbackMessage
    appointment: Appointment


def make_market(owner: User) -> None:
    """A merchant with a row of every kind, its item flagged; attributes of every kind."""
    merchant = make_merchant(owner=owner)
    item = make_item(merchant, review=Review.FLAGGED, flagged_words=["comprime"])
    make_image(item)
    make_listing(item)
    make_order(item)
    make_dead_letter(item)
    make_connection(merchant)
    for model in (Brand, Color, Material, Size):
        number = next(_numbers)
        model.objects.create(code=f"x-{number}", name_fr=f"Nom {number}", name_en=f"Name {number}")


def make_world() -> World:
    """One of everything: every list of the admin gets at least one more row."""
    number = next(_numbers)
    patient = make_user(credits=100, first_name="Aïcha", last_name="Exemple", phone=f"+2417712{number % 10_000:04d}")
    pharmacy = make_pharmacy()
    pharmacist = make_pharmacist(pharmacy)
    stock = make_stock(pharmacy, quantity=50, price=2_500)
    now = timezone.now()
    DutyPeriod.objects.create(pharmacy=pharmacy, starts_at=now, ends_at=now + timedelta(hours=12), surcharge=500)
    Holiday.objects.create(date=now.date() + timedelta(days=number), name="Fête")
    StockAlert.objects.create(user=patient, product_code=stock.product_code, pharmacy=pharmacy)
    ProductChange.objects.create(code=stock.product_code)
    PriceChange.objects.create(
        product_code=stock.product_code,
        old_price=100,
        old_currency="XAF",
        price=200,
        currency="XAF",
        is_indicative=False,
    )
    PlannedPrice.objects.create(product_code=stock.product_code, price=300, effective_at=now + timedelta(days=1))
    PriceList.objects.create(label=f"Autre action {number}", credits=1)
    IdempotencyKey.objects.create(
        user=patient, key=f"key-{number}", fingerprint=b"\x00" * 32, status=201, answer=b"secret"
    )
    reservation = make_reservation(user=patient, stock=stock)
    paid = make_rate_payment(patient)
    held = make_payment(patient, purpose="reservation", purpose_id=reservation.public_id, status=Status.HELD)
    make_epg_request(user=patient, pharmacy=pharmacy)
    send_mail_later(to=patient.email, template="already_registered")
    make_approval(patient)
    make_review(patient)
    FileImport.objects.create(resource="stock", file_name="stock.csv", state="ready", requested_by=patient)
    ImportBatch.objects.create(source=f"world {number}")
    seal = seal_next()
    assert seal is not None
    archive = Archive(
        file_name=f"events-{seal.number}.jsonl.gz",
        sha256="0" * 64,
        first_seal=seal.number,
        last_seal=seal.number,
        count=seal.count,
    )
    archive_rows.sign(archive)
    archive.save(force_insert=True)
    callback = store_callback("mypayga", body=f"note {number} <script>".encode(), content_type="text/plain")
    assert callback is not None
    doctor = make_practitioner(fee=15_000, place="Cabinet du port")
    appointment = make_appointment(practitioner=doctor, patient=patient)
    make_entry(doctor)
    FreedSlot.objects.create(
        practitioner=doctor, visit_type=appointment.visit_type, starts_at=appointment.starts_at, next_at=None
    )
    make_market(patient)
    share(patient, kind=FeedKind.PATIENT, by=patient)
    return World(
        patient,
        pharmacist,
        pharmacy,
        stock,
        reservation,
        paid,
        held,
        make_refund(payment=paid),
        callback,
        appointment,
    )
