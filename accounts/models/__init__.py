import uuid
from typing import Any, ClassVar

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.emails import normalize_email
from accounts.enums import BACK_OFFICE_ROLES, ApprovalStatus, EntryKind, PricedAction, Role
from accounts.models.reviews import AccountReview
from accounts.models.second_factors import RecoveryCode, SecondFactor
from accounts.models.secrets import OneTimeSecret
from accounts.models.sessions import TokenFamily
from common.models import Timestamped
from common.moments import MOMENT_VALIDATORS, UNREASONABLE, reasonable
from common.money import MAX_CREDITS, MAX_PRICE, XAF

__all__ = [
    "Account",
    "AccountReview",
    "Approval",
    "CreditEntry",
    "OneTimeSecret",
    "PriceList",
    "Rate",
    "RecoveryCode",
    "SecondFactor",
    "TokenFamily",
    "User",
    "UserManager",
]


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=normalize_email(username or ""))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """The row alone; `accounts.services.users.create_user` also opens the account."""
        user = self.model(email=normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """For `manage.py createsuperuser`: an administrator whose address needs no code."""
        from accounts.services.users import create_user

        return create_user(email=email, password=password, role=Role.ADMIN, is_verified=True, **fields)


class User(Timestamped, AbstractBaseUser, PermissionsMixin):
    """A person. The e-mail address is the name; roles give groups, groups give rights."""

    email = models.EmailField(_("adresse e-mail"), max_length=254, unique=True)
    first_name = models.CharField(_("prénom"), max_length=150, blank=True)
    last_name = models.CharField(_("nom"), max_length=150, blank=True)
    phone = models.CharField(_("téléphone"), max_length=16, blank=True, help_text=_("E.164, par exemple +24177123456"))
    role = models.CharField(_("rôle"), max_length=16, choices=Role, default=Role.PATIENT)
    language = models.CharField(
        _("langue"), max_length=2, choices=[("fr", "Français"), ("en", "English")], default="fr"
    )
    bio = models.TextField(_("présentation"), blank=True)
    is_verified = models.BooleanField(_("adresse vérifiée"), default=False)
    # Only a form has said who this is, and that by itself proves nothing: see `accounts.services.registration`.
    is_provisional = models.BooleanField(_("inscription à refaire"), default=False, db_default=False, editable=False)
    is_active = models.BooleanField(_("actif"), default=True)  # type: ignore[misc]
    is_staff = models.BooleanField(_("accès au back-office"), default=False)
    token_version = models.PositiveIntegerField(_("version des jetons"), default=1, editable=False)
    # Whether `second_factor` has a secret: said here as well, because every request reads this row anyway.
    mfa_enabled = models.BooleanField(_("second facteur"), default=False, db_default=False, editable=False)

    objects = UserManager()
    # Django's: what `set_password` was given, until it is saved.
    _password: str | None

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("utilisateur")
        verbose_name_plural = _("utilisateurs")
        permissions = [
            ("manage_access", _("Décider des rôles et de qui peut se connecter")),
            ("anonymise_user", _("Effacer une personne")),
            ("change_sign_in", "Can set another person's address or password"),
            ("resend_code", "Can have a code or a link mailed to a person again"),
            ("only_read", "Changes nothing but their own access, whatever else they may"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="user_role_known"),
            models.CheckConstraint(condition=Q(phone="") | Q(phone__startswith="+"), name="user_phone_e164"),
            models.CheckConstraint(
                condition=Q(is_staff=False) | Q(role__in=sorted(BACK_OFFICE_ROLES)), name="user_staff_by_role"
            ),
        ]
        indexes = [
            models.Index(fields=["phone"], condition=~Q(phone=""), name="user_phone"),
            models.Index(fields=["role", "-id"], name="user_role_newest"),
            models.Index(fields=["created_at"], name="user_created"),
            models.Index(fields=["-id"], condition=Q(is_active=False), name="user_inactive_newest"),
            models.Index(fields=["-id"], condition=Q(is_verified=False), name="user_unverified_newest"),
            # And trigrams of names and numbers by migration, on PostgreSQL.
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A password that no service has set (`manage.py changepassword`) is announced, and ends sessions, as well."""
        is_set_anew = self._password is not None and not self._state.adding
        super().save(*args, **kwargs)
        if is_set_anew:
            from accounts.services.passwords import announce_change

            announce_change(self, by=None)

    def check_password(self, raw_password: str | None) -> bool:
        """A hash of the replaced systems is made anew, unless it is another one by now: a change is never undone."""

        def renew(password: str) -> None:
            renewed = make_password(password)
            if User.objects.filter(pk=self.pk, password=self.password).update(password=renewed):
                self.password = renewed
                return
            current = User.objects.values_list("password", flat=True).filter(pk=self.pk).first()
            if current is not None and check_password(password, current):
                self.password = current

        return check_password(raw_password, self.password, renew)

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def get_full_name(self) -> str:
        return self.full_name or self.email

    def get_short_name(self) -> str:
        return self.first_name or self.email


class Rate(Timestamped):
    """A pack of credits sold for money."""

    label = models.CharField(_("libellé"), max_length=120)
    price = models.PositiveBigIntegerField(_("prix"), help_text=_("en francs CFA entiers"))
    currency = models.CharField(_("devise"), max_length=3, default=XAF)
    credits = models.PositiveBigIntegerField(_("crédits"))
    is_active = models.BooleanField(_("en vente"), default=True)

    class Meta:
        verbose_name = _("forfait")
        verbose_name_plural = _("forfaits")
        ordering = ["price", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(price__gt=0), name="rate_price_positive"),
            models.CheckConstraint(condition=Q(credits__gt=0), name="rate_credits_positive"),
            models.CheckConstraint(condition=Q(price__lte=MAX_PRICE), name="rate_price_ceiling"),
            models.CheckConstraint(condition=Q(credits__lte=MAX_CREDITS), name="rate_credits_ceiling"),
        ]

    def __str__(self) -> str:
        return self.label


class PriceList(Timestamped):
    """What an action costs in credits; an action without a row is free.

    From `next_from` on it costs `next_credits`; the sweep then makes them its `credits`.
    """

    action = models.CharField(_("action"), max_length=32, choices=PricedAction, null=True, blank=True, unique=True)
    label = models.CharField(_("libellé"), max_length=120)
    credits = models.PositiveBigIntegerField(_("crédits"))
    next_credits = models.PositiveBigIntegerField(_("nouveaux crédits"), null=True, blank=True)
    next_from = models.DateTimeField(_("valable dès"), null=True, blank=True, validators=MOMENT_VALIDATORS)

    class Meta:
        verbose_name = _("tarif d'une action")
        verbose_name_plural = _("grille tarifaire")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(credits__lte=MAX_CREDITS), name="price_list_ceiling"),
            models.CheckConstraint(
                condition=Q(next_credits=None) | Q(next_credits__lte=MAX_CREDITS), name="price_list_next_ceiling"
            ),
            models.CheckConstraint(
                condition=Q(next_credits__isnull=True, next_from__isnull=True)
                | Q(next_credits__isnull=False, next_from__isnull=False),
                name="price_list_next_both_or_neither",
                violation_error_message=_("Les nouveaux crédits et leur date vont ensemble."),
            ),
            models.CheckConstraint(
                condition=Q(next_from=None) | reasonable("next_from"),
                name="price_list_next_from_reasonable",
                violation_error_message=UNREASONABLE,
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def credits_now(self) -> int:
        """What the action costs at this moment."""
        if self.next_from is None or self.next_credits is None or self.next_from > timezone.now():
            return self.credits
        return self.next_credits


class Account(Timestamped):
    """Somebody's prepaid credits. `credit` is the sum of the entries, changed only by the ledger's services."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="account", verbose_name=_("titulaire"))
    credit = models.PositiveBigIntegerField(_("crédits"), default=0)
    is_active = models.BooleanField(_("actif"), default=True)
    rate = models.ForeignKey(
        Rate, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("forfait")
    )
    subscribed_at = models.DateTimeField(_("forfait acheté le"), null=True, blank=True)

    class Meta:
        verbose_name = _("compte")
        verbose_name_plural = _("comptes")
        permissions = [
            ("grant_credits", "Can give credits to an account"),
            ("adjust_credits", "Can correct the credits of an account"),
        ]
        constraints = [models.CheckConstraint(condition=Q(credit__gte=0), name="account_credit_not_negative")]
        indexes = [
            models.Index(fields=["created_at"], name="account_created"),
            models.Index(fields=["-id"], condition=Q(is_active=False), name="account_inactive_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.user}"


class CreditEntry(Timestamped):
    """One line of the ledger: append-only, and the same cause can never be booked twice."""

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="entries", verbose_name=_("compte"), db_index=False
    )
    amount = models.BigIntegerField(_("mouvement"))
    balance_after = models.PositiveBigIntegerField(_("solde après"))
    kind = models.CharField(_("nature"), max_length=16, choices=EntryKind)
    reference = models.CharField(_("référence"), max_length=100)
    label = models.CharField(_("libellé"), max_length=200, blank=True)
    created_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("par"), db_index=False
    )

    class Meta:
        verbose_name = _("écriture")
        verbose_name_plural = _("écritures")
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="entry_amount_not_zero"),
            models.CheckConstraint(condition=Q(balance_after__gte=0), name="entry_balance_not_negative"),
            models.CheckConstraint(condition=Q(kind__in=EntryKind.values), name="entry_kind_known"),
            models.UniqueConstraint(fields=["kind", "reference"], name="entry_kind_reference"),
        ]
        indexes = [models.Index(fields=["account", "-id"], name="entry_account_newest")]

    def __str__(self) -> str:
        return f"{self.amount:+d} {self.get_kind_display()}"


class Approval(Timestamped):
    """Something of staff that waits for a second pair of eyes, with everything needed to carry it out then.

    `kind` is registered in `accounts.approvals`; `subject` names what it is about (`account:12`, `payment:<uuid>`),
    `beneficiary` whose money or credits they are. `amount` is in whole units of `currency`, or in credits without one.
    """

    public_id = models.UUIDField(_("numéro"), default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("nature"), max_length=32)
    subject = models.CharField(_("objet"), max_length=64)
    amount = models.BigIntegerField(_("montant"))
    currency = models.CharField(_("devise"), max_length=3, blank=True)
    parameters = models.JSONField(_("paramètres"), default=dict, encoder=DjangoJSONEncoder)
    reason = models.CharField(_("motif"), max_length=200)
    status = models.CharField(_("état"), max_length=16, choices=ApprovalStatus, default=ApprovalStatus.REQUESTED)
    beneficiary = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("bénéficiaire"), db_index=False
    )
    requested_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("demandée par"), db_index=False
    )
    decided_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("décidée par"),
        db_index=False,
    )
    decided_at = models.DateTimeField(_("décidée le"), null=True, blank=True)
    note = models.CharField(_("note de la décision"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("approbation")
        verbose_name_plural = _("approbations")
        permissions = [("decide_approval", "Can decide about what a colleague asked for")]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ApprovalStatus.values), name="approval_status_known"),
            models.CheckConstraint(condition=~Q(amount=0), name="approval_amount_not_zero"),
            models.CheckConstraint(condition=~Q(reason=""), name="approval_has_reason"),
            models.CheckConstraint(
                condition=Q(status=ApprovalStatus.REQUESTED, decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(status=ApprovalStatus.REQUESTED) & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="approval_decided_by_and_at",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True)
                | Q(status=ApprovalStatus.WITHDRAWN, decided_by=F("requested_by"))
                | (
                    ~Q(status=ApprovalStatus.WITHDRAWN)
                    & ~Q(decided_by=F("requested_by"))
                    & ~Q(decided_by=F("beneficiary"))
                ),
                name="approval_two_pairs_of_eyes",
            ),
            models.UniqueConstraint(
                fields=["subject"], condition=Q(status=ApprovalStatus.REQUESTED), name="approval_one_open"
            ),
        ]
        indexes = [models.Index(fields=["status", "-id"], name="approval_status_newest")]

    def __str__(self) -> str:
        return self.reason
