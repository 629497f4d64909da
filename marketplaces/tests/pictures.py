"""Pictures for tests."""

import io
from typing import Any

from PIL import Image


def picture(width: int = 600, height: int = 400, kind: str = "JPEG", **options: Any) -> bytes:
    """A plain picture; `options` go to Pillow's `save`."""
    target = io.BytesIO()
    Image.new("RGB", (width, height), options.pop("color", "white")).save(target, format=kind, **options)
    return target.getvalue()
