import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import search_sql
from catalog.models import SearchEntry
from catalog.rows import ProductRow
from catalog.search import SearchPage, search
from catalog.services.products import delete_product, save_product, upsert_products
from catalog.tests.factories import ProductFactory
from catalog.text import words

pytestmark = pytest.mark.django_db


def codes(q, **options):
    return [hit.code for hit in search(q, **options).results]


@pytest.fixture
def doliprane():
    return ProductFactory(
        code="3400935294227",
        label="DOLIPRANE 1000 mg, comprimé effervescent sécable - tube de 8",
        substance="PARACÉTAMOL",
    )


@pytest.mark.parametrize(
    "q",
    [
        "doliprane",
        "DOLIPRANE",
        "Dolïprâne",
        "doli",
        "d",
        "1000",
        "doliprane 1000mg",
        "mg 1000 doli",
        "comprime EFFERV secab",
        "paracetamol",
        "paracétamol doliprane",
        "3400935294227",
        "34009352942",
        "3529422",
        "3529",
        " - doliprane, (1000) - ",
        "doliprane doliprane",
    ],
)
def test_search_finds_by_label_substance_and_code(doliprane, q):
    page = search(q)
    assert [hit.code for hit in page.results] == ["3400935294227"]
    assert (page.count, page.count_is_capped, page.corrected) == (1, False, None)


@pytest.mark.parametrize(
    "q", ["anedoliprane", "doliprane 500", "paracetamol ibuprofene", "000", "294227", "", "   ", "!?"]
)
def test_search_finds_nothing(doliprane, q):
    assert search(q) == SearchPage([], 0)


def test_search_hit_carries_what_a_line_needs(doliprane):
    doliprane.prescription_required = True
    doliprane.is_active = False
    save_product(doliprane, by=None)
    hit = search("doliprane").results[0]
    assert (hit.label, hit.substance, hit.kind, hit.prescription_required, hit.is_active) == (
        doliprane.label,
        "PARACÉTAMOL",
        "medicine",
        True,
        False,
    )


@pytest.mark.parametrize(
    ("q", "corrected"),
    [
        ("dolipranne", "doliprane"),
        ("doliprnae", "doliprane"),
        ("dolipane", "doliprane"),
        ("doliprone 1000", "doliprane 1000"),
        ("xoliprane", "doliprane"),
        ("1000 paracetomal", "1000 paracetamol"),
        ("dolipranne paracetomal", "doliprane paracetamol"),
        ("tubbe", "tube"),
    ],
)
def test_search_corrects_words_that_nobody_has(doliprane, q, corrected):
    page = search(q)
    assert ([hit.code for hit in page.results], page.corrected) == (["3400935294227"], corrected)


@pytest.mark.parametrize("q", ["dp", "zz 1000", "1001", "dolipranne 500", "ordinateur", "x" * 10_000])
def test_search_corrects_nothing_else(doliprane, q):
    assert search(q) == SearchPage([], 0)


def test_search_corrects_to_what_occurs_with_the_other_words():
    ProductFactory(code="1", label="CELINE 5 mg")
    ProductFactory(code="2", label="CELINA 5 mg")
    ProductFactory(code="3", label="CELINO 20 mg")
    assert search("celinu 20").corrected == "celino 20"


def test_search_knows_new_words_at_once(doliprane):
    assert search("doliprame").corrected == "doliprane"
    upsert_products([ProductRow(code="1", label="DOLIPRAME")])
    assert search("doliprame").corrected is None
    product = ProductFactory(code="2", label="SMECTALIA")
    assert search("smectolia").corrected == "smectalia"
    delete_product(product, by=None)
    assert search("smectolia") == search("smectalia") == SearchPage([], 0)


def test_search_ranks_whole_words_before_prefixes_and_active_before_withdrawn():
    ProductFactory(code="A", label="FERVEX adulte")
    ProductFactory(code="B", label="TARDYFERON avec FER", is_active=False)
    ProductFactory(code="C", label="FER alpha")
    ProductFactory(code="D", label="ZINC et FER")
    ProductFactory(code="E", label="Oligo", substance="FER")
    ProductFactory(code="F", label="FERO withdrawn", is_active=False)
    assert codes("fer") == ["C", "E", "D", "B", "A", "F"]


def test_search_pages_are_the_whole_list():
    for number in range(25):
        ProductFactory(code=f"{number:02}", label=f"VITAMINE {number:02}")
    everything = codes("vitamine", limit=100)
    assert everything == [f"{number:02}" for number in range(25)]
    assert codes("vitamine", limit=10) + codes("vitamine", limit=10, offset=10) == everything[:20]
    last = search("vitamine", limit=10, offset=20)
    assert ([hit.code for hit in last.results], last.count) == (everything[20:], 25)
    assert search("vitamine", limit=10, offset=30) == SearchPage([], 25)
    assert search("vitamina", limit=10, offset=20).count == 25


def test_search_of_a_kind():
    ProductFactory(code="A", label="CREME solaire", kind="parapharmacy")
    ProductFactory(code="B", label="CREME antalgique")
    assert codes("creme", kind="parapharmacy") == ["A"]
    assert codes("creme", kind="medicine") == ["B"]
    assert search("crema", kind="medicine").corrected == "creme"
    assert search("solaire", kind="medicine") == SearchPage([], 0)


@pytest.fixture
def crowd(monkeypatch):
    """Forty products begin with C, and only ten candidates are ranked."""
    monkeypatch.setattr(search_sql, "CANDIDATES", 10)
    monkeypatch.setattr(search_sql, "FAVOURITES", 5)
    rows = [ProductRow(code=f"P{n:02}", label=f"AUTRE {n:02} comprimé") for n in range(40)]
    rows += [ProductRow(code="V", label="ZINC et vitamine C"), ProductRow(code="K", label="CALCIUM")]
    rows += [ProductRow(code="W", label="CA 1", is_active=False)]
    upsert_products(rows)


def test_search_in_a_crowd_ranks_what_counts(crowd):
    page = search("c")
    # A whole word, a label that begins so, then ten of whatever matches, and what is withdrawn last.
    found = [hit.code for hit in page.results]
    assert (found[:2], found[-1]) == (["V", "K"], "W")
    assert page.count_is_capped
    assert page.count == len(found) == len(set(found))


def test_search_in_a_crowd_still_needs_every_word(crowd):
    assert codes("c 07") == ["P07"]
    # Which of the forty are candidates is the engine's choice: those it finds first on its pages.
    found = codes("autre c")
    assert len(set(found)) == len(found) >= 10
    assert found == sorted(code for code in found if code.startswith("P"))
    assert codes("c v") == ["V"]


def test_search_looks_up_some_words_and_checks_the_others():
    upsert_products(
        [
            ProductRow(code="A", label="RAMIPRIL ZENTIVA 10 mg, comprimé sécable - plaquette de 30"),
            ProductRow(code="B", label="RAMIPRIL ZENTIVA 10 mg, comprimé sécable - plaquette de 90"),
            ProductRow(code="C", label="RAMIPRIL ZENTIVA 5 mg, comprimé sécable - plaquette de 30"),
        ]
    )
    assert codes("ramipril zentiva 10 mg comprime secable plaq 30") == ["A"]
    assert codes("ramipril zentiva 10 mg comprime sec") == ["A", "B"]
    assert codes("ramipril zentiva comprime boite") == []


@pytest.mark.parametrize(
    "q",
    [
        "' OR 1=1 --",
        '" OR text:*',
        "doliprane' & 'x",
        "a:* | b:*",
        "NEAR(a b, 2)",
        "AND OR NOT",
        "text : doliprane",
        "^doliprane",
        "doliprane*",
        "{a b}",
        "%_%",
        "\\",
        "\\'",
        "$$;DROP TABLE catalog_searchentry",
        "(" * 5000,
        '"' * 5000,
        "a " * 5000,
        "\ud800",
        "\x00",
        "<->",
        "%s %(a)s",
    ],
)
def test_search_of_hostile_input_is_harmless(doliprane, q):
    search(q)
    assert SearchEntry.objects.count() == 1


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(q=st.text(max_size=60))
def test_search_of_anything_never_fails(doliprane, q):
    page = search(q)
    assert page.count == len(page.results) <= 1


LETTERS = st.text("aàâbcçdeéèêfghiïjklmnñoôœpqrstuùüvwxyzßABCÉŒ0123456789 -,.'/()αβγµ", min_size=1, max_size=40)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(label=LETTERS, substance=LETTERS, cut=st.integers(1, 40))
def test_search_finds_a_product_by_beginnings_of_all_its_words(db, label, substance, cut):
    product = ProductFactory(code="X", label=f"x{label}", substance=substance)
    asked = [word[:cut] for word in words(f"{product.label} {substance}")][:8]
    assert "X" in codes(" ".join(asked))


@pytest.mark.relational
def test_search_of_the_real_database(shared_data):
    from catalog.services.bdpm import import_bdpm

    import_bdpm(shared_data / "bdpm")
    assert all(hit.label.startswith("DOLIPRANE") for hit in search("dolipprane 1000").results)
    assert search("amoxiciline").corrected == "amoxicilline"
    texts = [f" {text}" for text in SearchEntry.objects.values_list("text", flat=True)]
    chance = random.Random(1)
    for _ in range(50):
        asked = [word[: chance.randint(1, 9)] for word in chance.sample(chance.choice(texts).split(), 3)]
        matching = sum(all(f" {word}" in text for word in asked) for text in texts)
        page = search(" ".join(asked))
        assert page.count_is_capped or page.count == matching, asked
        assert page.count <= matching
    # A letter that thousands of words begin with: whole words first, and the count says that it stopped.
    page = search("d")
    assert page.count_is_capped
    shown = SearchEntry.objects.filter(code__in=[hit.code for hit in page.results]).values_list("text", flat=True)
    assert all(" d " in f" {text} " for text in shown)
    assert all(hit.is_active for hit in page.results)
    assert search("zy").results[0].label.startswith("ZY")
