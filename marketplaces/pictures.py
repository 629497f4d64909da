"""What a picture is allowed to be, and what is kept of it: its pixels, none of what a camera wrote beside them."""

import hashlib
import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from common import machine_gate
from common.errors import FieldError, Invalid, TooLarge, Unavailable

MAX_BYTES = 5 * 1024 * 1024
# Pixels of one side; eBay wants 500 on the longer one.
SHORTEST = 200
LONGEST_AT_LEAST = 500
LONGEST = 8000
# What telephones make; no channel shows more than a tenth of it. One in work takes up to sixteen bytes a pixel.
MAX_PIXELS = 25_000_000
# Before the gate, until somebody else's picture is read.
WAIT_SECONDS = 5.0
_QUALITIES = (90, 75, 50)

# WebP's usual thoroughness takes twice as long for a few per cent.
_OPTIONS: dict[str, dict[str, Any]] = {"JPEG": {"optimize": True}, "WEBP": {"method": 2}, "PNG": {}}
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
    `image_dimensions`), `PictureTooLarge` (413) and `Unavailable` (503, `pictures_busy`). Takes seconds at worst: never
    within a transaction.
    """
    if len(raw) > MAX_BYTES:
        raise PictureTooLarge
    with _gate():
        try:
            with warnings.catch_warnings():
                # Pillow only warns between one and two times its limit; ours comes first.
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                kind, pixels = _pixels(raw)
        except Invalid:
            raise
        # What a hostile file makes a decoder raise is anybody's guess: `struct.error` by an EXIF of wrong types.
        except Exception as error:
            detail = _("Ce fichier n'est pas une image JPEG, PNG ou WebP lisible.")
            raise _refuse("invalid_image", detail) from error
        return _encoded(pixels, kind)


@contextmanager
def _gate() -> Iterator[None]:
    """Raises `Unavailable` (503) after `WAIT_SECONDS` before it."""
    place = machine_gate.enter(Path(settings.PICTURE_GATE_DIR), places=places(), wait_seconds=WAIT_SECONDS)
    if place is None:
        raise Unavailable(code="pictures_busy", retry_after=5)
    try:
        yield
    finally:
        os.close(place)


def places() -> int:
    """How many pictures may be read at once on this machine: half of its cores are for everybody else."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


def _pixels(raw: bytes) -> tuple[str, Image.Image]:
    """The format, and the pixels alone: EXIF, comments, colour profiles and what hides behind the end stay behind."""
    with Image.open(io.BytesIO(raw), formats=list(_TYPES)) as opened:
        # Two pictures in one JPEG, as cameras write them: the first one is the picture, the other its preview.
        kind = "JPEG" if opened.format == "MPO" else opened.format or ""
        _require_dimensions(opened.width, opened.height)
        if kind != "JPEG" and getattr(opened, "is_animated", False):
            raise _refuse("invalid_image", _("Une image animée n'est pas admise."))
        ImageOps.exif_transpose(opened, in_place=True)
        has_alpha = "A" in opened.getbands() or "transparency" in opened.info
        mode = "RGBA" if has_alpha and kind != "JPEG" else "RGB"
        # Of so many pixels every copy counts.
        plain = opened if opened.mode == mode else opened.convert(mode)
        pixels = Image.new(mode, plain.size)
        pixels.paste(plain)
        return kind, pixels


def _require_dimensions(width: int, height: int) -> None:
    shorter, longer = sorted((width, height))
    if shorter < SHORTEST or not LONGEST_AT_LEAST <= longer <= LONGEST or width * height > MAX_PIXELS:
        detail = _(
            "Une image mesure de 500 à 8000 pixels au plus long côté, au moins 200 à l'autre, 25 mégapixels en tout."
        )
        raise _refuse("image_dimensions", detail)


def _encoded(pixels: Image.Image, kind: str) -> Picture:
    """Written anew, within `MAX_BYTES`: with less detail where it has to be, a photograph in PNG as another format.

    Raises `PictureTooLarge` (413).
    """
    lossy = "JPEG" if pixels.mode == "RGB" else "WEBP"
    tries: list[tuple[str, dict[str, Any]]] = [("PNG", {})] if kind == "PNG" else []
    tries += [(lossy if kind == "PNG" else kind, {"quality": quality}) for quality in _QUALITIES]
    for format_, options in tries:
        target = io.BytesIO()
        pixels.save(target, format=format_, **options, **_OPTIONS[format_])
        if target.tell() <= MAX_BYTES:
            content_type, extension = _TYPES[format_]
            content = target.getvalue()
            digest = hashlib.sha256(content).hexdigest()
            return Picture(content, content_type, extension, pixels.width, pixels.height, digest)
    raise PictureTooLarge


def _refuse(code: str, detail: object) -> Invalid:
    return Invalid(detail, code=code, errors=[FieldError("file", code, detail)])
