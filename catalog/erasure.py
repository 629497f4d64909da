"""What the catalogue keeps of a person: whose pharmacies a pharmacist acts for."""

from catalog.models import PharmacyMember


def erase(user_id: int) -> None:
    """One by one: each is audited."""
    for member in PharmacyMember.objects.filter(user_id=user_id):
        member.delete()
