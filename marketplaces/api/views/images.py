import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.idempotency import idempotent
from common.api.parsers import StrictJSONParser
from common.api.serializers import NoBodySerializer
from marketplaces.api import representations, serializers
from marketplaces.api.entering import MerchantViewSet, for_merchant, found, names_merchant
from marketplaces.enums import MemberRole
from marketplaces.models import ItemImage
from marketplaces.pictures import MAX_BYTES, PictureTooLarge, read_picture
from marketplaces.selectors import items as selectors
from marketplaces.services import images

# What a multipart body is more than its file.
_AROUND = 16 * 1024


class PictureParser(MultiPartParser):
    """A form with one picture; too large ones are refused before anything of them is read."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        if int(parser_context["request"].META.get("CONTENT_LENGTH") or 0) > MAX_BYTES + _AROUND:
            raise PictureTooLarge
        return super().parse(stream, media_type, parser_context)


class ImageViewSet(MerchantViewSet):
    """The pictures of an item, in the order in which buyers see them."""

    serializer_class = serializers.ImageSerializer
    queryset = ItemImage.objects.none()
    pagination_class = None

    def get_parsers(self) -> list[Any]:
        is_upload = getattr(self, "action_map", {}).get("post") == "create"
        return [PictureParser()] if is_upload else [StrictJSONParser()]

    @extend_schema(
        tags=["marketplaces"],
        operation_id="images_add",
        request={"multipart/form-data": serializers.ImageInputSerializer},
        responses={201: serializers.ImageSerializer},
    )
    @names_merchant
    def create(self, request: Request, id: uuid.UUID) -> Response:
        """JPEG, PNG or WebP, at most 5 MB; kept without what the camera wrote beside it. The same one twice is one."""
        with self.block(request, MemberRole.EDITOR):
            found(selectors.items(), id)
        # The body comes as slowly as the line, and a picture takes seconds: no transaction waits for either.
        serializer = serializers.ImageInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        picture = read_picture(serializer.validated_data["file"].read(MAX_BYTES + 1))
        with self.block(request, MemberRole.EDITOR):
            image = images.add_image(found(selectors.items(), id), picture, by=self.user)
            return Response(representations.image(image), status=201)

    @extend_schema(tags=["marketplaces"], operation_id="images_remove", request=None, responses={204: None})
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def destroy(self, request: Request, id: uuid.UUID, image: uuid.UUID) -> Response:
        item = found(selectors.items(), id)
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        images.remove_image(found(item.images, image), by=self.user)
        return Response(status=204)

    @extend_schema(
        tags=["marketplaces"],
        operation_id="images_order",
        request=serializers.ImageOrderInputSerializer,
        responses={200: serializers.ImageSerializer(many=True)},
    )
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def order(self, request: Request, id: uuid.UUID) -> Response:
        """Name every picture of the item once, in the new order."""
        item = found(selectors.items(), id)
        serializer = serializers.ImageOrderInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        rows = images.order_images(item, serializer.validated_data["images"], by=self.user)
        return Response([representations.image(row) for row in rows])
