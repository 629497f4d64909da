from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from common.admin import ReadOnlyInline, address, badge, link, moment, money, service_action
from marketplaces.admin.base import StateShown, TenantAdmin, TroubleShown
from marketplaces.enums import REVIEW_MOVES, Channel, Review
from marketplaces.models import Item, Listing
from marketplaces.services.items import review_item
from marketplaces.tenancy import merchant_scope

_ADDRESS = address("url", _("adresse"))
_THUMBNAIL = '<img src="{}" alt="" loading="lazy" style="height: 6rem; display: inline-block; margin-right: .5rem">'
_REVIEW_COLOURS = {Review.FLAGGED: "warning", Review.CLEARED: "success", Review.REFUSED: "danger"}


class ListingInline(StateShown, TroubleShown, ReadOnlyInline):
    model = Listing
    fields = ("channel", "state_badge", "external_id", "published_quantity", "trouble")
    readonly_fields = fields
    verbose_name_plural = _("annonces")


@admin.register(Item)
class ItemAdmin(TenantAdmin):
    """What merchants sell. Staff change nothing of it; they say whether a flagged item may be sold."""

    list_display = (
        "title",
        "merchant",
        "price_text",
        "quantity",
        "category",
        "review_badge",
        moment("created_at", _("créé le")),
    )
    list_select_related = ("merchant", "category")
    list_filter = (("review", ChoicesCheckboxFilter),)
    search_fields = ("sku",)
    search_help_text = _("SKU, ou code produit")
    fields = (
        *("merchant", "title", "description", "pictures", "price_text", "quantity", "buffers_text", "code", "sku"),
        *("category", "condition", "brand", "color", "material", "size"),
        *("review_badge", "words_text", "reviewed_by", "reviewed_at", "deleted_at", "created_at", "updated_at"),
    )
    readonly_fields = ("pictures", "price_text", "buffers_text", "review_badge", "words_text")
    inlines = (ListingInline,)
    actions_detail = ("clear", "refuse")
    empty_hint = _("Les articles viennent des marchands.")

    def search_condition(self, term: str) -> Q:
        # Both sides have an index of all merchants' items; the one of the codes knows none that are empty.
        return Q(sku=term.upper()) | (Q(code=term) & ~Q(code=""))

    @display(description=_("prix"))
    def price_text(self, item: Item) -> str:
        return money(item.price, item.currency)

    @display(description=_("réserves par canal"))
    def buffers_text(self, item: Item) -> str:
        return ", ".join(f"{Channel(name).label} {kept}" for name, kept in sorted(item.stock_buffers.items())) or "–"

    @display(description=_("contrôle"))
    def review_badge(self, item: Item) -> str:
        return badge(item.get_review_display(), _REVIEW_COLOURS.get(Review(item.review), ""))

    @display(description=_("mots signalés"))
    def words_text(self, item: Item) -> str:
        return ", ".join(item.flagged_words) or "–"

    @display(description=_("images"))
    def pictures(self, item: Item) -> str:
        images = item.images.filter(merchant_id=item.merchant_id).order_by("position")
        return format_html_join("", _THUMBNAIL, ((image.file.url,) for image in images)) or format_html("–")

    @service_action(
        description=_("Admettre"),
        question=_("L'article peut être vendu ; ces mots ne le signalent plus."),
        done=_("L'article est admis."),
        permission="marketplaces.change_item",
        offered=lambda item: REVIEW_MOVES.allows(item.review, Review.CLEARED),
        icon="check",
    )
    def clear(self, request: HttpRequest, item: Item) -> None:
        self._review(request, item, Review.CLEARED)

    @service_action(
        description=_("Refuser la vente"),
        question=_("L'article quitte tous les canaux et ne peut plus être publié."),
        done=_("L'article est refusé."),
        permission="marketplaces.change_item",
        offered=lambda item: REVIEW_MOVES.allows(item.review, Review.REFUSED),
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def refuse(self, request: HttpRequest, item: Item) -> None:
        self._review(request, item, Review.REFUSED)

    def _review(self, request: Any, item: Item, verdict: Review) -> None:
        with merchant_scope(item.merchant_id):
            review_item(item, verdict, by=request.user)


@admin.register(Listing)
class ListingAdmin(StateShown, TroubleShown, TenantAdmin):
    """Items on channels: what was asked for, what the channel said."""

    list_display = (
        "article",
        "merchant",
        "channel",
        "state_badge",
        "published_quantity",
        moment("updated_at", _("modifiée le")),
    )
    list_select_related = ("item", "merchant")
    list_filter = (("state", ChoicesCheckboxFilter), ("channel", ChoicesDropdownFilter))
    fields = (
        *(
            "merchant",
            "article",
            "channel",
            "state_badge",
            "external_id",
            "external_offer_id",
            _ADDRESS,
            "price_override",
        ),
        *("published_quantity", "published_at", "trouble", "last_error_code", "created_at", "updated_at"),
    )
    readonly_fields = ("article", "state_badge", "trouble", _ADDRESS)

    @display(description=_("article"))
    def article(self, listing: Listing) -> str:
        return link("marketplaces.item", listing.item_id, listing.item)
