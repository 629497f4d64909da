"""Pictures: what is one, what is kept of it, and their order."""

import io
import struct

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from PIL import Image

from accounts.tests.factories import make_user
from marketplaces import pictures
from marketplaces.api.views import images as view
from marketplaces.models import ItemImage, Membership
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import make_item, make_merchant
from marketplaces.tests.pictures import picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def item():
    return make_item(make_merchant(owner=make_user()))


@pytest.fixture
def client(api, item, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    with merchant_scope(item.merchant_id):
        from marketplaces.models import Membership, Merchant

        owner, merchant = Membership.objects.select_related("user").get().user, Merchant.objects.get()
    client = api(owner)
    client.credentials(**client._credentials, HTTP_X_MERCHANT=str(merchant.public_id))
    return client


def send(client, item, content, name="photo.jpg"):
    return client.post(f"/api/v1/items/{item.public_id}/images/", {"file": ContentFile(content, name)})


def shown(client, item):
    return [image["id"] for image in client.get(f"/api/v1/items/{item.public_id}/").json()["images"]]


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_picture_is_kept_without_what_the_camera_wrote(client, item):
    exif = Image.Exif()
    exif[0x010E] = "Chez moi, 12 rue du Port"
    exif[0x0112] = 6  # to be turned by a quarter
    response = send(client, item, picture(600, 400, exif=exif), "../../etc/passwd.php")

    assert response.status_code == 201
    kept = response.json()
    assert (kept["content_type"], kept["width"], kept["height"]) == ("image/jpeg", 400, 600)
    with merchant_scope(item.merchant_id):
        image = ItemImage.objects.get()
    assert kept["url"].endswith(f"/media/items/{item.public_id}/{image.public_id}.jpg")
    with default_storage.open(image.file.name) as file:
        content = file.read()
    assert len(content) == kept["size"]
    assert b"rue du Port" not in content
    assert not Image.open(io.BytesIO(content)).getexif()


@pytest.mark.parametrize(
    "content, status, code",
    [
        (b"", 400, "invalid_image"),
        (b"<?php echo 1;", 400, "invalid_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 400, "invalid_image"),
        (picture()[:200], 400, "invalid_image"),
        (picture(kind="GIF"), 400, "invalid_image"),
        (picture(499, 300), 400, "image_dimensions"),
        (picture(600, 199), 400, "image_dimensions"),
        (picture(8001, 300), 400, "image_dimensions"),
        (picture(6251, 4000, kind="PNG"), 400, "image_dimensions"),
    ],
    ids=["empty", "php", "svg", "cut", "gif", "small", "narrow", "wide", "bomb"],
)
def test_what_is_no_picture_of_ours_is_refused(client, item, content, status, code, tmp_path):
    response = send(client, item, content)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert shown(client, item) == []
    assert files(tmp_path) == []


def test_picture_that_is_too_large_is_refused_unread(client, item):
    for size in (pictures.MAX_BYTES + 1, pictures.MAX_BYTES + 100_000):
        response = send(client, item, b"x" * size)
        assert (response.status_code, response.json()["code"]) == (413, "payload_too_large")
    assert shown(client, item) == []


def test_animated_picture_is_refused(client, item):
    frames = [Image.new("RGB", (600, 400), color) for color in ("red", "blue")]
    target = io.BytesIO()
    frames[0].save(target, format="WEBP", save_all=True, append_images=frames[1:])

    assert send(client, item, target.getvalue()).json()["code"] == "invalid_image"


@pytest.mark.parametrize("kind, content_type", [("PNG", "image/png"), ("WEBP", "image/webp")])
def test_type_is_read_from_the_bytes(client, item, kind, content_type):
    assert send(client, item, picture(kind=kind), "photo.jpg").json()["content_type"] == content_type


def test_jpeg_with_a_second_picture_behind_it_is_its_first(client, item, tmp_path):
    target = io.BytesIO()
    first, preview = Image.new("RGB", (800, 600), "red"), Image.new("RGB", (160, 120), "blue")
    first.save(target, "MPO", save_all=True, append_images=[preview])
    response = send(client, item, target.getvalue())

    assert response.json()["content_type"] == "image/jpeg"
    (name,) = tmp_path.rglob("*.jpg")
    with Image.open(name) as kept:
        assert (kept.format, kept.size, kept.getpixel((400, 300))) == ("JPEG", (800, 600), (254, 0, 0))


@pytest.mark.parametrize(
    "kind, mode, kept",
    [("JPEG", "RGB", "jpeg"), ("WEBP", "RGBA", "webp"), ("PNG", "RGB", "jpeg"), ("PNG", "RGBA", "webp")],
)
def test_what_would_be_too_large_is_kept_with_less_detail(kind, mode, kept, monkeypatch):
    pixels = Image.effect_noise((600, 600), 100).convert(mode)
    best = pictures._encoded(pixels, kind)
    monkeypatch.setattr(pictures, "MAX_BYTES", len(best.content) - 1)
    smaller = pictures._encoded(pixels, kind)

    assert smaller.content_type == f"image/{kept}"
    assert len(smaller.content) < len(best.content)
    monkeypatch.setattr(pictures, "MAX_BYTES", 10_000)
    with pytest.raises(pictures.PictureTooLarge):
        pictures._encoded(pixels, kind)


def test_picture_is_read_by_so_many_at_once_on_the_machine(client, item, settings, tmp_path, monkeypatch):
    settings.PICTURE_GATE_DIR = tmp_path / "gate"
    monkeypatch.setattr(pictures, "places", lambda: 1)
    monkeypatch.setattr(pictures, "WAIT_SECONDS", 0.0)
    with pictures._gate():
        response = send(client, item, picture())
    assert (response.status_code, response.json()["code"]) == (503, "pictures_busy")
    assert response.headers["Retry-After"] == "5"
    assert send(client, item, picture()).status_code == 201


def test_who_is_removed_while_a_picture_is_read_adds_none(client, item, monkeypatch, tmp_path):
    def read(raw):
        with merchant_scope(item.merchant_id):
            Membership.objects.all().delete()
        return pictures.read_picture(raw)

    monkeypatch.setattr(view, "read_picture", read)
    response = send(client, item, picture())

    assert (response.status_code, response.json()["code"]) == (404, "unknown_merchant")
    assert files(tmp_path) == []


@pytest.mark.django_db(transaction=True)
def test_picture_is_read_outside_of_any_transaction(client, item, monkeypatch):
    within = []

    def read(raw):
        within.append(connection.in_atomic_block)
        return pictures.read_picture(raw)

    monkeypatch.setattr(view, "read_picture", read)
    assert send(client, item, picture()).status_code == 201
    assert within == [False]


def test_same_picture_twice_is_one(client, item, tmp_path):
    first, second = send(client, item, picture()), send(client, item, picture())

    assert first.json() == second.json()
    assert len(files(tmp_path)) == 1


def test_pictures_are_put_in_order_and_removed(client, item, tmp_path, django_capture_on_commit_callbacks):
    ids = [send(client, item, picture(color=color)).json()["id"] for color in ("red", "green", "blue")]
    wanted = [ids[2], ids[0], ids[1]]
    url = f"/api/v1/items/{item.public_id}/images/"
    ordered = client.post(f"{url}order/", {"images": wanted}, format="json")
    assert [image["id"] for image in ordered.json()] == wanted
    assert shown(client, item) == wanted
    for wrong in ([ids[0]], [*ids, ids[0]], []):
        assert client.post(f"{url}order/", {"images": wrong}, format="json").status_code == 400
    with django_capture_on_commit_callbacks(execute=True):
        assert client.delete(f"{url}{ids[2]}/").status_code == 204

    assert shown(client, item) == [ids[0], ids[1]]
    assert len(files(tmp_path)) == 2
    with merchant_scope(item.merchant_id):
        assert sorted(ItemImage.objects.values_list("position", flat=True)) == [0, 1]


def test_item_has_ten_pictures_at_most(client, item):
    answers = [send(client, item, picture(color=(number, 0, 0))) for number in range(0, 110, 10)]

    assert [answer.status_code for answer in answers] == [201] * 10 + [409]
    assert answers[-1].json()["code"] == "too_many_images"


def test_exif_that_cannot_be_written_anew_is_no_fault_of_ours(client, item):
    # Compression (SHORT) as a LONG of 70000, and an orientation, which makes Pillow write the EXIF again.
    entries = struct.pack("<HHLLHHLL", 0x103, 4, 1, 70_000, 0x112, 3, 1, 6)
    exif = b"Exif\0\0II*\0" + struct.pack("<LH", 8, 2) + entries + struct.pack("<L", 0)

    response = send(client, item, picture(600, 600, exif=exif))

    assert (response.status_code, response.json()["code"]) == (400, "invalid_image")
