"""A small public medicines database with every kind of dirt that the real one has, or may have."""

from pathlib import Path

LONG_LABEL = "plaquette(s) " + "PVC/" * 80 + " de 30 comprimé(s)"

_SPECIALITIES = [
    ("60000001", "DOLIPRÂNE 500 mg, comprimé", "comprimé", "Commercialisée"),
    ("60000002", "KYPROLIS 60 mg, poudre – œil", " poudre ", "Commercialisée"),
    ("60000003", "RETIRÉ 1 mg, gélule", "gélule", "Non commercialisée"),
]
_GENERICS = [
    ("7", "PARACETAMOL 500 mg - DOLIPRANE 500 mg, comprimé", "60000001"),
    ("8", "PARACETAMOL 1 g - DOLIPRANE 1 g, comprimé", "60000001"),
]
_ON_SALE = "Déclaration de commercialisation"
# CIS, CIP7, label, status, marketing, CIP13, price
_PRESENTATIONS = [
    ("60000001", "3000001", "boîte de 16", "Présentation active", _ON_SALE, "3400930000017", "2,18"),
    ("60000001", "3000002", "boîte de 100", "Présentation active", _ON_SALE, "3400930000024", ""),
    ("60000001", "3000003", "boîte de 8", "Présentation abrogée", _ON_SALE, "3400930000031", "1,00"),
    ("60000001", "3000004", "boîte de 4", "Présentation active", "Déclaration d'arrêt", "3400930000048", "1,00"),
    ("60000002", "3000005", "1 flacon de 60 mg", "Présentation active", _ON_SALE, "3400930000055", "1,466,29"),
    ("60000002", "3000006", LONG_LABEL, "Présentation active", _ON_SALE, "3400930000062", "12,345,67"),
    ("60000003", "3000007", 'boîte "hôpital" de 30', "Présentation active", _ON_SALE, "3400930000079", "5,00"),
    ("69999999", "3000008", "boîte de 1", "Présentation active", _ON_SALE, "3400930000086", "5,00"),
    ("60000001", "3000009", "boîte de 2", "Présentation active", _ON_SALE, "34009300000", "5,00"),
    ("60000001", "3000010", "boîte de 3", "Présentation active", _ON_SALE, "3400930000109", "gratuit"),
    ("60000001", "3000001", "boîte de 16 encore", "Présentation active", _ON_SALE, "3400930000017", "2,18"),
]

IMPORTED = 7
LEFT_OUT = [
    "CIS_CIP_bdpm.txt:8 no speciality 69999999 in CIS_bdpm.txt",
    "CIS_CIP_bdpm.txt:9 code '34009300000' has not 13 digits",
    "CIS_CIP_bdpm.txt:10 price 'gratuit' cannot be read",
    "CIS_CIP_bdpm.txt:11 code 3400930000017 stands on line 1 already",
    "CIS_CIP_bdpm.txt:12 2 columns instead of 13",
]


def write(directory: Path, *, prices: dict[str, str] | None = None) -> Path:
    """The three files, each in its own encoding. `prices` replaces the price of some CIP13."""
    directory.mkdir(exist_ok=True)
    specialities = [
        "\t".join((cis, label, form, "orale", "Autorisation active", "Procédure nationale", state, *[""] * 5))
        for cis, label, form, state in _SPECIALITIES
    ]
    (directory / "CIS_bdpm.txt").write_bytes("\n".join([*specialities, "60000009\trest", ""]).encode("cp1252"))
    generics = ["\t".join((group, label, cis, "0", "1")) for group, label, cis in _GENERICS]
    (directory / "CIS_GENER_bdpm.txt").write_bytes("\r\n".join([*generics, ""]).encode("cp1252"))
    presentations = []
    for cis, cip7, label, status, marketing, cip13, price in _PRESENTATIONS:
        paid = (prices or {}).get(cip13, price)
        columns = (
            cis,
            cip7,
            label,
            status,
            marketing,
            "16/03/2011",
            cip13,
            "oui",
            "65%",
            "",
            paid,
            "1,02",
            "Texte<br>",
        )
        presentations.append("\t".join(columns))
    (directory / "CIS_CIP_bdpm.txt").write_bytes("\n".join([*presentations, "60000001\t3000011", "", ""]).encode())
    return directory
