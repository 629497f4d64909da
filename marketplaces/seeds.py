"""What every installation begins with: attributes, their ids on the channels, and plans.

Ids of categories and conditions are the channels' own; where a channel takes words (eBay's aspects, Etsy's and
Vinted's free attributes), the word stands in the place of an id. Staff correct them in the admin.
"""

from typing import Any

Seed = tuple[str, str, str, dict[str, str]]

BRANDS: list[Seed] = [
    (code, name, name, {"ebay": name, "etsy": name, "vinted": name})
    for code, name in (
        ("avene", "Avène"),
        ("bioderma", "Bioderma"),
        ("caudalie", "Caudalie"),
        ("cerave", "CeraVe"),
        ("chicco", "Chicco"),
        ("dodie", "Dodie"),
        ("ducray", "Ducray"),
        ("eucerin", "Eucerin"),
        ("klorane", "Klorane"),
        ("la-roche-posay", "La Roche-Posay"),
        ("mustela", "Mustela"),
        ("nuxe", "Nuxe"),
        ("omron", "Omron"),
        ("philips-avent", "Philips Avent"),
        ("uriage", "Uriage"),
        ("vichy", "Vichy"),
        ("weleda", "Weleda"),
        ("sans-marque", "Sans marque"),
    )
]

COLORS: list[Seed] = [
    (code, french, english, {"ebay": english, "etsy": english, "vinted": french})
    for code, french, english in (
        ("black", "Noir", "Black"),
        ("white", "Blanc", "White"),
        ("grey", "Gris", "Grey"),
        ("beige", "Beige", "Beige"),
        ("brown", "Marron", "Brown"),
        ("red", "Rouge", "Red"),
        ("pink", "Rose", "Pink"),
        ("orange", "Orange", "Orange"),
        ("yellow", "Jaune", "Yellow"),
        ("green", "Vert", "Green"),
        ("blue", "Bleu", "Blue"),
        ("purple", "Violet", "Purple"),
        ("clear", "Transparent", "Clear"),
        ("multicoloured", "Multicolore", "Multicolour"),
    )
]

CONDITIONS: list[Seed] = [
    ("new", "Neuf", "New", {"ebay": "NEW", "etsy": "new", "vinted": "6"}),
    ("new-other", "Neuf, sans emballage", "New, unboxed", {"ebay": "NEW_OTHER", "etsy": "new", "vinted": "1"}),
    ("very-good", "Très bon état", "Very good", {"ebay": "USED_VERY_GOOD", "etsy": "used", "vinted": "2"}),
    ("good", "Bon état", "Good", {"ebay": "USED_GOOD", "etsy": "used", "vinted": "3"}),
]

MATERIALS: list[Seed] = [
    (code, french, english, {"ebay": english, "etsy": english, "vinted": french})
    for code, french, english in (
        ("cotton", "Coton", "Cotton"),
        ("silicone", "Silicone", "Silicone"),
        ("plastic", "Plastique", "Plastic"),
        ("glass", "Verre", "Glass"),
        ("stainless-steel", "Acier inoxydable", "Stainless steel"),
        ("bamboo", "Bambou", "Bamboo"),
        ("latex", "Latex", "Latex"),
        ("neoprene", "Néoprène", "Neoprene"),
    )
]

SIZES: list[Seed] = [
    (code, french, english, {"ebay": english, "etsy": english, "vinted": french})
    for code, french, english in (
        ("one-size", "Taille unique", "One size"),
        ("xs", "XS", "XS"),
        ("s", "S", "S"),
        ("m", "M", "M"),
        ("l", "L", "L"),
        ("xl", "XL", "XL"),
        ("0-6-months", "0 à 6 mois", "0-6 months"),
        ("6-18-months", "6 à 18 mois", "6-18 months"),
        ("30-ml", "30 ml", "30 ml"),
        ("50-ml", "50 ml", "50 ml"),
        ("100-ml", "100 ml", "100 ml"),
        ("200-ml", "200 ml", "200 ml"),
        ("400-ml", "400 ml", "400 ml"),
    )
]

# code, French, English, ids, class of products, sold at all
CATEGORIES: list[tuple[str, str, str, dict[str, str], str, bool]] = [
    ("face-care", "Soin du visage", "Face care", {"ebay": "21205", "etsy": "199", "vinted": "957"}, "cosmetic", True),
    ("body-care", "Soin du corps", "Body care", {"ebay": "11838", "etsy": "194", "vinted": "956"}, "cosmetic", True),
    ("hair-care", "Soin des cheveux", "Hair care", {"ebay": "11854", "etsy": "202", "vinted": "955"}, "cosmetic", True),
    ("sun-care", "Soin solaire", "Sun care", {"ebay": "31772", "etsy": "199", "vinted": "958"}, "cosmetic", True),
    ("make-up", "Maquillage", "Make-up", {"ebay": "31786", "etsy": "203", "vinted": "964"}, "cosmetic", True),
    ("hygiene", "Hygiène", "Hygiene", {"ebay": "26395", "etsy": "194", "vinted": "959"}, "hygiene", True),
    ("oral-care", "Hygiène bucco-dentaire", "Oral care", {"ebay": "31769", "etsy": "194"}, "hygiene", True),
    (
        "baby-care",
        "Toilette de bébé",
        "Baby bath and care",
        {"ebay": "20394", "etsy": "1106", "vinted": "1253"},
        "baby_care",
        True,
    ),
    (
        "baby-feeding",
        "Repas de bébé",
        "Baby feeding",
        {"ebay": "20400", "etsy": "1108", "vinted": "1256"},
        "baby_care",
        True,
    ),
    ("devices", "Appareils de mesure", "Monitoring devices", {"ebay": "11818"}, "device", True),
    ("supports", "Orthèses et contention", "Supports and braces", {"ebay": "36447"}, "device", True),
    ("nutrition", "Compléments alimentaires", "Food supplements", {"ebay": "180959"}, "nutrition", False),
    ("medicines", "Médicaments", "Medicines", {}, "medicine", False),
]

# code, name, default, quotas
PLANS: list[tuple[str, str, bool, dict[str, int]]] = [
    ("discovery", "Découverte", True, {"items": 100, "listings": 50, "jobs_per_day": 500}),
    ("standard", "Standard", False, {"items": 2_000, "listings": 1_000, "jobs_per_day": 10_000}),
    ("unlimited", "Sans limite", False, {}),
]


def plant(apps: Any, schema_editor: Any) -> None:
    """Write what is missing; what is there stays as staff have it."""
    for name, seeds in (
        ("Brand", BRANDS),
        ("Color", COLORS),
        ("Condition", CONDITIONS),
        ("Material", MATERIALS),
        ("Size", SIZES),
    ):
        for position, (code, french, english, ids) in enumerate(seeds):
            _attribute(apps, name, code, ids, name_fr=french, name_en=english, position=position)
    for position, (code, french, english, ids, product_class, is_allowed) in enumerate(CATEGORIES):
        _attribute(
            apps,
            "Category",
            code,
            ids,
            name_fr=french,
            name_en=english,
            position=position,
            product_class=product_class,
            is_allowed=is_allowed,
        )
    plans, quotas = (apps.get_model("marketplaces", name) for name in ("Plan", "SubscriptionQuota"))
    has_default = plans.objects.filter(is_default=True).exists()
    for code, title, is_default, limits in PLANS:
        plan, made = plans.objects.get_or_create(
            code=code, defaults={"name": title, "is_default": is_default and not has_default}
        )
        if made:
            quotas.objects.bulk_create(quotas(plan=plan, kind=kind, limit=limit) for kind, limit in limits.items())


def _attribute(apps: Any, name: str, code: str, ids: dict[str, str], **fields: Any) -> None:
    model, numbers = apps.get_model("marketplaces", name), apps.get_model("marketplaces", f"{name}ChannelId")
    attribute, made = model.objects.get_or_create(code=code, defaults=fields)
    if made:
        numbers.objects.bulk_create(
            numbers(attribute=attribute, channel=channel, external_id=value) for channel, value in ids.items()
        )
