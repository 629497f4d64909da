"""Which of the nine provinces a town lies in: the old sites filter by them, our pharmacies know their town."""

from catalog.text import normalize

_TOWNS = {
    "Estuaire": "Libreville Owendo Akanda Ntoum Kango Cocobeach",
    "Haut-Ogooué": "Franceville Moanda Mounana Okondja Bongoville Léconi Akiéni Ngouoni Boumango Onga Aboumi Bakoumba",
    "Moyen-Ogooué": "Lambaréné Ndjolé",
    "Ngounié": "Mouila Ndendé Fougamou Mbigou Mimongo Lébamba Mandji Guiétsou Malinga Etéké Sindara",
    "Nyanga": "Tchibanga Mayumba Moabi Mabanda Ndindi Moulengui-Binza",
    "Ogooué-Ivindo": "Makokou Booué Ovan Mékambo Zadié",
    "Ogooué-Lolo": "Koulamoutou Lastoursville Pana Iboundji",
    "Ogooué-Maritime": "Port-Gentil Gamba Omboué",
    "Woleu-Ntem": "Oyem Bitam Mitzic Minvoul Médouneu",
}
_PROVINCE_OF = {normalize(town): province for province, towns in _TOWNS.items() for town in towns.split()}
# The capital's, where a town is not known: the sites know the nine and no other value.
_DEFAULT = "Estuaire"


def province_of(town: str) -> str:
    """One of the nine; accents, case and what follows a comma or a bracket do not matter."""
    return _PROVINCE_OF.get(normalize(town.split(",")[0].split("(")[0]), _DEFAULT)
