import pytest

from accounts.enums import Role
from accounts.tests.factories import make_user
from catalog.tests.factories import PharmacyFactory, PharmacyMemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def get(api):
    def get(path, user=None, **params):
        return api(user).get(f"/api/v1/{path}", params)

    return get


def codes(answer):
    assert answer.status_code == 200, answer.content
    return [row["code"] for row in answer.json()["results"]]


def test_pharmacy(get):
    PharmacyFactory(
        code="LBV1",
        name="Pharmacie de l'Église",
        quarter="Akébé",
        phones=["+24111445707"],
        position_is_approximate=True,
        hours="Lun-Sam: 8h-19h",
        always_open=True,
    )
    assert get("pharmacies/LBV1/").json() == {
        "code": "LBV1",
        "name": "Pharmacie de l'Église",
        "town": "Libreville",
        "quarter": "Akébé",
        "phones": ["+24111445707"],
        "position": {"lat": 0.3924, "lon": 9.4536, "approximate": True},
        "hours": "Lun-Sam: 8h-19h",
        "is_open": True,
        "open_until": None,
        "is_on_duty": True,
        "duty_surcharge": None,
        "accepts_cnamgs": False,
        "distance_km": None,
    }


def test_pharmacy_without_position(get):
    PharmacyFactory(code="LBV1", latitude=None, longitude=None)
    answer = get("pharmacies/LBV1/").json()
    assert (answer["position"], answer["is_on_duty"]) == (None, False)


@pytest.mark.parametrize("code", ["LBV9", "CLOSED"])
def test_pharmacy_unknown(get, code):
    PharmacyFactory(code="CLOSED", is_active=False)
    answer = get(f"pharmacies/{code}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_pharmacy")


def test_pharmacies_by_name(get):
    PharmacyFactory(code="B", name="Beta")
    PharmacyFactory(code="A", name="Alpha")
    PharmacyFactory(code="C", name="Gamma", is_active=False)
    answer = get("pharmacies/", limit=1)
    assert codes(answer) == ["A"]
    assert answer.json()["meta"] == {"page": 1, "limit": 1, "count": 2}


def test_pharmacies_nearest_first(get):
    PharmacyFactory(code="A", latitude=0.5, longitude=9.5)
    PharmacyFactory(code="B", latitude=None, longitude=None)
    PharmacyFactory(code="C", latitude=0.4, longitude=9.4536)
    PharmacyFactory(code="D", latitude=-0.71933, longitude=8.78151)
    answer = get("pharmacies/", near="0.3924,9.4536")
    assert codes(answer) == ["C", "A", "D", "B"]
    assert [row["distance_km"] for row in answer.json()["results"]] == [0.845, 13.03, 144.452, None]
    assert codes(get("pharmacies/", near=" 0.3924 , 9.4536 ", radius_km="13.1")) == ["C", "A"]
    assert codes(get("pharmacies/", near="0.3924,9.4536", radius_km="13")) == ["C"]


def test_pharmacies_of_a_town_or_name(get):
    PharmacyFactory(code="A", name="Pharmacie de l'Église", town="Lambaréné", quarter="Isaac")
    PharmacyFactory(code="B", name="Pharmacie du Cap", town="Port-Gentil")
    assert codes(get("pharmacies/", town="LAMBARENE")) == ["A"]
    assert codes(get("pharmacies/", town="port gentil")) == ["B"]
    assert codes(get("pharmacies/", town="Lamba")) == []
    assert codes(get("pharmacies/", q="eglise isa")) == ["A"]
    assert codes(get("pharmacies/", q="CAP gentil")) == ["B"]
    assert codes(get("pharmacies/", q="cap eglise")) == []
    assert codes(get("pharmacies/", q="100%_")) == []


def test_pharmacies_of_mine(get):
    mine = PharmacyFactory(code="MINE")
    PharmacyFactory(code="OTHER")
    owner = make_user(Role.PHARMACIST)
    PharmacyMemberFactory(pharmacy=mine, user=owner)
    assert codes(get("pharmacies/", owner, mine="true")) == ["MINE"]
    assert codes(get("pharmacies/", owner)) == ["MINE", "OTHER"]
    assert codes(get("pharmacies/", make_user(), mine="true")) == []
    answer = get("pharmacies/", mine="true")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize(
    ("params", "fields"),
    [
        ({"near": "abc"}, ["near"]),
        ({"near": "91,0"}, ["near"]),
        ({"near": "0,9", "radius_km": "-1"}, ["radius_km"]),
        ({"near": "0,9", "radius_km": "0"}, ["radius_km"]),
        ({"near": "0,9", "radius_km": "nan"}, ["radius_km"]),
        ({"near": "0,9", "radius_km": "inf"}, ["radius_km"]),
        ({"near": "0,9", "radius_km": "1_0"}, ["radius_km"]),
        ({"near": "0,9", "radius_km": "20041"}, ["radius_km"]),
        ({"radius_km": "5"}, ["near"]),
        ({"mine": "perhaps"}, ["mine"]),
        ({"page": "x", "near": "abc", "radius_km": "-1", "mine": "?"}, ["page", "near", "radius_km", "mine"]),
        ({"q": "x" * 201}, ["q"]),
    ],
)
def test_pharmacies_with_bad_parameters(get, params, fields):
    answer = get("pharmacies/", **params)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == fields


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("params", [{}, {"near": "0,9", "radius_km": "500"}, {"q": "pharmacie", "town": "libreville"}])
def test_pharmacies_take_five_queries(get, django_assert_num_queries, rows, params):
    PharmacyFactory.create_batch(rows)
    with django_assert_num_queries(5):
        assert len(codes(get("pharmacies/", **params))) == rows


@pytest.mark.parametrize("rows", [1, 3])
def test_pharmacies_of_mine_take_five_queries_beyond_the_user(api, django_assert_num_queries, rows):
    owner = make_user(Role.PHARMACIST)
    for _ in range(rows):
        PharmacyMemberFactory(user=owner)
    client = api(owner)
    with django_assert_num_queries(6):
        assert len(codes(client.get("/api/v1/pharmacies/", {"mine": "true"}))) == rows
