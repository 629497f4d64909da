"""Whom a search term names; each shape is looked up in the one column that has an index for it."""

from django.db.models import Q

from accounts.emails import normalize_email
from accounts.models import User
from common.admin.search import phone_condition

# Somebody who means one person among more than these will type another letter.
_MOST_PEOPLE = 200
_MOST_WORDS = 5


def person_condition(term: str) -> Q:
    """Who a term names: a phone number in any spelling, else the beginning of an e-mail address or of names.

    An `@` leaves only addresses. Of several words each begins the first or the last name.
    """
    by_email = Q(email__startswith=normalize_email(term))
    if "@" in term:
        return by_email
    by_name = Q()
    for word in term.split()[:_MOST_WORDS]:
        by_name &= Q(last_name__istartswith=word) | Q(first_name__istartswith=word)
    return phone_condition(term, "phone") or by_email | by_name


def owner_condition(term: str, field: str) -> Q:
    """Rows whose `field`, a foreign key to people, is somebody the term names.

    People are read first, a page of names at most: a join would make PostgreSQL look at every row of the other table.
    """
    people = User.objects.filter(person_condition(term)).values_list("pk", flat=True)
    return Q(**{f"{field}__in": list(people[:_MOST_PEOPLE])})
