"""What a picture is allowed to be, and what is kept of it: its pixels, none of what a camera wrote beside them."""

import hashlib
import io
import warnings
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from common.errors import FieldError, Invalid, TooLarge

MAX_BYTES = 5 * 1024 * 1024
# Pixels of one side; eBay wants 500 on the longer one.
SHORTEST = 200
LONGEST_AT_LEAST = 500
LONGEST = 8000
MAX_PIXELS = 40_000_000

_TYPES = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WEBP": ("image/webp", "webp")}


class PictureTooLarge(TooLarge):
    detail = _("Une image compte au plus 5 Mo.")


@dataclass(frozen=True)
class Picture:
    """`digest` is the SHA-256 of `content`, in hexadecimal."""

    content: bytes
    content_type: str
    extension: str
    width: int
    height: int
    digest: str


def read_picture(raw: bytes) -> Picture:
    """The picture that these bytes are, upright and without metadata.

    The type is read from the bytes, whatever the name says. Raises `Invalid` (400, `invalid_image` or
    `image_dimensions`) and `PictureTooLarge` (413).
    """
    if len(raw) > MAX_BYTES:
        raise PictureTooLarge
    try:
        with warnings.catch_warnings():
            # Pillow only warns between one and two times its limit; ours comes first.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(raw), formats=list(_TYPES)) as opened:
                kind = opened.format or ""
                _require_dimensions(opened.width, opened.height)
                if getattr(opened, "is_animated", False):
                    raise _refuse("invalid_image", _("Une image animée n'est pas admise."))
                upright = ImageOps.exif_transpose(opened)
                return _encoded(upright, kind)
    except Invalid:
        raise
    # What a hostile file makes a decoder raise is anybody's guess: `struct.error` by an EXIF that cannot be written.
    except Exception as error:
        raise _refuse("invalid_image", _("Ce fichier n'est pas une image JPEG, PNG ou WebP lisible.")) from error


def _require_dimensions(width: int, height: int) -> None:
    shorter, longer = sorted((width, height))
    if shorter < SHORTEST or not LONGEST_AT_LEAST <= longer <= LONGEST or width * height > MAX_PIXELS:
        detail = _(
            "Une image mesure de 500 à 8000 pixels au plus long côté, au moins 200 à l'autre, 40 mégapixels en tout."
        )
        raise _refuse("image_dimensions", detail)


def _encoded(image: Image.Image, kind: str) -> Picture:
    """Written anew from the pixels alone: EXIF, comments, colour profiles and what hides behind the end stay behind."""
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    plain = image.convert("RGBA" if has_alpha and kind != "JPEG" else "RGB")
    pixels = Image.frombytes(plain.mode, plain.size, plain.tobytes())
    target = io.BytesIO()
    options = {"JPEG": {"quality": 90, "optimize": True}, "WEBP": {"quality": 90}, "PNG": {}}[kind]
    pixels.save(target, format=kind, **options)  # type: ignore[arg-type]
    content = target.getvalue()
    content_type, extension = _TYPES[kind]
    digest = hashlib.sha256(content).hexdigest()
    return Picture(content, content_type, extension, pixels.width, pixels.height, digest)


def _refuse(code: str, detail: object) -> Invalid:
    return Invalid(detail, code=code, errors=[FieldError("file", code, detail)])
