import pytest

from simulators.tests.helpers import (
    DOLIPRANE,
    EFFERALGAN,
    EPG_HEADERS,
    OTHER_PHARMACY,
    PHARMACY,
    epg_data,
    epg_reservation,
)


@pytest.fixture
def http(http):
    http.headers.update(EPG_HEADERS)
    return http


@pytest.fixture
def base(server, control, http):
    assert http.post(f"{control}/data", json=epg_data()).json() == {"products": 3, "pharmacies": 2}
    return server.base_url("epg")


@pytest.fixture
def control(server):
    return f"{server.url}/control/epg"


def reserved(http, control):
    return http.get(f"{control}/reservations").json()["reservations"]


def stock(server):
    return server.services["epg"].pharmacies[PHARMACY].stock


def test_catalogue_is_paged_from_zero_with_some_prices_as_text(http, base):
    first = http.get(f"{base}/api/produits", params={"page": 0, "count": 2}).json()
    second = http.get(f"{base}/api/produits", params={"page": 1, "count": 2}).json()
    beyond = http.get(f"{base}/api/produits", params={"page": 2, "count": 2}).json()

    assert first == {
        "items": [
            {"CIP": DOLIPRANE, "libelle": "DOLIPRANE 1000 mg, comprimé", "prix_vente": "1250", "photoURL": None},
            {"CIP": EFFERALGAN, "libelle": "EFFERALGAN 500 mg, comprimé", "prix_vente": 990, "photoURL": None},
        ],
        "pageCount": 2,
    }
    assert [item["prix_vente"] for item in second["items"]] == [None]
    assert beyond == {"items": [], "pageCount": 2}


def test_catalogue_has_the_older_path_too(http, base):
    newer = http.get(f"{base}/api/produits", params={"page": 1, "count": 2})

    assert http.get(f"{base}/open-api/produit/1/2").json() == newer.json()


@pytest.mark.parametrize(("prices", "seen"), [("numbers", [1250, 990, None]), ("texts", ["1250", "990", None])])
def test_prices_can_be_all_numbers_or_all_texts(http, base, control, prices, seen):
    http.get(f"{base}/api/produits")
    http.post(f"{control}/options", json={"prices": prices})

    assert [item["prix_vente"] for item in http.get(f"{base}/api/produits").json()["items"]] == seen


@pytest.mark.parametrize("query", [{"page": -1}, {"page": "x"}, {"count": 0}, {"count": 1001}, {"page": "²"}])
def test_catalogue_refuses_a_bad_page(http, base, query):
    assert http.get(f"{base}/api/produits", params=query).status_code == 400


def test_availability_answers_a_whole_basket_by_cip13_and_cip7(http, base):
    cips = [DOLIPRANE, DOLIPRANE[5:12], "3400930000021", "0000000"]

    answer = http.post(f"{base}/open-api/disponibilite", json={"pharmacy": PHARMACY, "cips": cips}).json()

    assert answer == {
        "pharmacy": {
            "_id": PHARMACY,
            "nom": "Pharmacie des Forestiers",
            "adresse": "Libreville",
            "telephone": "011720000",
        },
        "disponibilites": [
            {"cip": DOLIPRANE, "success": True, "isAvailable": True},
            {"cip": DOLIPRANE[5:12], "success": True, "isAvailable": True},
            {"cip": "3400930000021", "success": True, "isAvailable": False},
            {"cip": "0000000", "success": True, "isAvailable": False},
        ],
    }


def test_offline_pharmacy_does_not_answer_availability_nor_reserve(http, base, control):
    data = epg_data()
    data["pharmacies"][0]["online"] = False
    http.post(f"{control}/data", json=data)

    answer = http.post(f"{base}/open-api/disponibilite", json={"pharmacy": PHARMACY, "cips": [DOLIPRANE]}).json()

    assert answer["disponibilites"] == [{"cip": DOLIPRANE, "success": False, "isAvailable": False}]
    assert http.post(f"{base}/open-api/reservation", json=epg_reservation()).status_code == 409
    assert reserved(http, control) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"pharmacy": "9" * 24, "cips": [DOLIPRANE]}, 404),
        ({"pharmacy": "x", "cips": [DOLIPRANE]}, 400),
        ({"cips": [DOLIPRANE]}, 400),
        ({"pharmacy": PHARMACY, "cips": []}, 400),
        ({"pharmacy": PHARMACY, "cips": DOLIPRANE}, 400),
        ({"pharmacy": PHARMACY, "cips": [int(DOLIPRANE)]}, 400),
        ({"pharmacy": PHARMACY, "cips": ["123"]}, 400),
        ([], 400),
    ],
)
def test_availability_refuses_bad_input(http, base, body, status):
    assert http.post(f"{base}/open-api/disponibilite", json=body).status_code == status


def test_reservation_takes_stock_and_is_made_again_when_asked_again(http, server, base, control):
    first = http.post(f"{base}/open-api/reservation", json=epg_reservation()).json()
    second = http.post(f"{base}/open-api/reservation", json=epg_reservation()).json()

    assert first == {"result": {"reservation": "R000001", "ttc": 2500}}
    assert second == {"result": {"reservation": "R000002", "ttc": 2500}}
    assert stock(server)[DOLIPRANE[5:12]] == 6
    listed = reserved(http, control)
    assert [entry["reservation"] for entry in listed] == ["R000001", "R000002"]
    assert {name: listed[0][name] for name in epg_reservation()} == epg_reservation()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"produits": [{"cip": DOLIPRANE, "quantity": 11}]}, 409),
        ({"produits": [{"cip": DOLIPRANE, "quantity": 6}, {"cip": DOLIPRANE[5:12], "quantity": 5}]}, 409),
        ({"produits": [{"cip": DOLIPRANE, "quantity": 1}, {"cip": EFFERALGAN, "quantity": 2}]}, 409),
        ({"produits": [{"cip": "0000000", "quantity": 1}]}, 409),
        ({"pharmacy": OTHER_PHARMACY}, 409),
        ({"pharmacy": "9" * 24}, 404),
        ({"produits": []}, 400),
        ({"produits": [{"cip": DOLIPRANE, "quantity": 0}]}, 400),
        ({"produits": [{"cip": DOLIPRANE, "quantity": 1.5}]}, 400),
        ({"produits": [{"cip": DOLIPRANE, "quantity": "2"}]}, 400),
        ({"produits": [{"cip": DOLIPRANE, "quantity": True}]}, 400),
        ({"produits": [{"quantity": 1}]}, 400),
        ({"produits": ["x"]}, 400),
        ({"buyer": ""}, 400),
        ({"buyerPhone": None}, 400),
        ({"buyerEmail": 3}, 400),
    ],
)
def test_reservation_that_is_refused_takes_nothing(http, server, base, control, changes, status):
    before = dict(stock(server))

    answer = http.post(f"{base}/open-api/reservation", json=epg_reservation(**changes))

    assert (answer.status_code, answer.json()["success"]) == (status, False)
    assert stock(server) == before
    assert reserved(http, control) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/produits"),
        ("GET", "/open-api/produit/0/10"),
        ("POST", "/open-api/disponibilite"),
        ("POST", "/open-api/reservation"),
    ],
)
@pytest.mark.parametrize("key", ["other", None])
def test_call_without_the_right_key_is_refused_without_effect(http, base, control, method, path, key):
    answer = http.request(method, base + path, json=epg_reservation(), headers={"x-api-key": key})

    assert answer.status_code == 401
    assert reserved(http, control) == []


@pytest.mark.parametrize("panel", ["", "/panel", f"/panel/{PHARMACY}"])
def test_panel_tells_the_quantity(http, base, panel):
    assert http.get(f"{base}{panel}/api/produits/{DOLIPRANE}/disponibilite").json() == {"qte": 10}
    assert http.get(f"{base}{panel}/api/produits/3400930000021/disponibilite").json() == {"qte": 0}


def test_panel_searches_labels_and_lists_its_products(http, base):
    found = http.get(f"{base}/panel/api/produits/recherche_par_libelle", params={"libelle": "doli"}).json()
    listed = http.get(f"{base}/panel/public/api/produits").json()
    elsewhere = http.get(f"{base}/panel/{OTHER_PHARMACY}/public/api/produits").json()

    assert [(product["CIP"], product["qte"]) for product in found["data"]] == [(DOLIPRANE, 10)]
    assert [(product["CIP"], product["qte"]) for product in listed["data"]] == [(DOLIPRANE, 10), (EFFERALGAN, 1)]
    assert elsewhere == {"data": []}


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (f"/panel/api/produits/{DOLIPRANE}/disponibilite", "other"),
        ("/panel/api/produits/0000000/disponibilite", "demo-epg-key"),
        ("/panel/api/produits/recherche_par_libelle", "demo-epg-key"),
        (f"/panel/{'9' * 24}/public/api/produits", "demo-epg-key"),
    ],
)
def test_panel_error_is_http_200(http, base, path, key):
    answer = http.get(base + path, headers={"x-api-key": key})

    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert len(answer.json()["errors"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"products": [{"CIP": "12", "libelle": "x", "prix_vente": 1}]},
        {"products": [{"CIP": DOLIPRANE, "libelle": "x", "prix_vente": 12.5}]},
        {"products": ["x"]},
        {"products": None},
        {"pharmacies": [{"_id": "x"}]},
        {"pharmacies": [{"_id": PHARMACY, "stock": {DOLIPRANE: -1}}]},
        {"pharmacies": [{"_id": PHARMACY, "online": "yes"}]},
        {"unknown": 1},
    ],
)
def test_bad_data_is_refused_and_the_old_kept(http, base, control, change):
    before = http.get(f"{control}/data").json()

    answer = http.post(f"{control}/data", json=epg_data() | change)

    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
    assert http.get(f"{control}/data").json() == before


def test_reset_empties_the_catalogue_and_starts_numbering_again(http, base, control):
    http.post(f"{base}/open-api/reservation", json=epg_reservation())

    http.post(f"{control}/reset")

    assert http.get(f"{control}/data").json() == {"products": [], "pharmacies": []}
    assert reserved(http, control) == []
    http.post(f"{control}/data", json=epg_data())
    again = http.post(f"{base}/open-api/reservation", json=epg_reservation()).json()
    assert again["result"]["reservation"] == "R000001"


def test_wrong_pharmacy_answers_availability_for_another_one(http, base, control):
    http.post(f"{control}/faults", json={"fault": "wrong_pharmacy", "count": 1})
    body = {"pharmacy": PHARMACY, "cips": [DOLIPRANE]}

    http.get(f"{base}/api/produits")
    wrong = http.post(f"{base}/open-api/disponibilite", json=body).json()
    right = http.post(f"{base}/open-api/disponibilite", json=body).json()

    assert wrong["pharmacy"]["_id"] == OTHER_PHARMACY
    assert right["pharmacy"]["_id"] == PHARMACY
