"""What the catalogue keeps of a person: whose pharmacies a pharmacist acts for, and what somebody waits for."""

from catalog.models import PharmacyMember, StockAlert


def erase(user_id: int) -> None:
    """Memberships one by one: each is audited."""
    StockAlert.objects.filter(user_id=user_id).delete()
    for member in PharmacyMember.objects.filter(user_id=user_id):
        member.delete()
