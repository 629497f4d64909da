import random
import uuid


def new_uuid(chance: random.Random) -> uuid.UUID:
    """A random UUID that the seed decides."""
    return uuid.UUID(int=chance.getrandbits(128), version=4)
