import pytest

from catalog.bdpm import price_in_xaf, substance_of


@pytest.mark.parametrize(
    ("text", "francs"),
    [
        ("", None),
        ("24,34", 15965),
        ("1,466,29", 961825),
        ("999,99", 655950),
        ("12,345", 8097790),
        ("12", 7870),
        ("2,5", 1640),
        ("1,000", 655955),
        ("0,01", 5),
        ("0,00", None),
    ],
)
def test_price_in_xaf(text, francs):
    assert price_in_xaf(text) == francs


@pytest.mark.parametrize("text", ["-1,00", "1,46,29", "gratuit", "1 000,00", "1.50", "٣,٠٠", ",50"])
def test_price_in_xaf_unreadable(text):
    with pytest.raises(ValueError, match="cannot be read"):
        price_in_xaf(text)


@pytest.mark.parametrize(
    ("label", "substance"),
    [
        ("CIMETIDINE 200 mg - TAGAMET 200 mg, comprimé pelliculé", "CIMETIDINE"),
        (
            "LOSARTAN POTASSIUM 100 mg + HYDROCHLOROTHIAZIDE 25 mg - HYZAAR 100 mg/25 mg, comprimé pelliculé",
            "LOSARTAN POTASSIUM + HYDROCHLOROTHIAZIDE",
        ),
        ("DIAZEPAM 10 mg -VALIUM ROCHE 10 mg, comprimé sécable.", "DIAZEPAM"),
        ("TICAGRELOR 60 mg-BRILIQUE 60 mg, comprimé pelliculé", "TICAGRELOR"),
        ("GABAPENTINE 100 mg – NEURONTIN 100 mg, gélule.", "GABAPENTINE"),
        ("MACROGOL 3350  5,9 g- TRANSIPEG 5,9 g, poudre pour solution buvable en sachet.", "MACROGOL 3350"),
        ("PERINDOPRIL TERT-BUTYLAMINE 4 mg - COVERSYL 4 mg, comprimé", "PERINDOPRIL TERT-BUTYLAMINE"),
        (
            "AMYLMETACRESOL 0,6 mg + ALCOOL DICHLORO-2,4-BENZYLIQUE 1,2 mg - STREPSILS, pastille",
            "AMYLMETACRESOL + ALCOOL DICHLORO-2,4-BENZYLIQUE",
        ),
        (
            "ESCITALOPRAM (OXALATE D') équivalant à ESCITALOPRAM 5 mg - SEROPLEX 5 mg, comprimé pelliculé",
            "ESCITALOPRAM (OXALATE D') équivalant à ESCITALOPRAM",
        ),
        ("HEXETIDINE 0,1 POUR CENT - HEXTRIL 0,1 %, bain de bouche", "HEXETIDINE"),
        ("COLISTIMETHATE SODIQUE 1.000.000 U.I. pour un flacon - COLIMYCINE", "COLISTIMETHATE SODIQUE"),
        ("ERGOCALCIFEROL\xa0600 000 UI - STEROGYL", "ERGOCALCIFEROL"),
    ],
)
def test_substance_of_generic_group(label, substance):
    assert substance_of(label) == substance
