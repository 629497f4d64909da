from marketplaces.api.views.attributes import AttributeListView
from marketplaces.api.views.channels import ChannelCallbackView, ChannelViewSet
from marketplaces.api.views.images import ImageViewSet
from marketplaces.api.views.items import ItemViewSet
from marketplaces.api.views.listings import ListingViewSet, OrderViewSet, QuotaView
from marketplaces.api.views.members import MemberViewSet
from marketplaces.api.views.merchants import MerchantListViewSet

__all__ = [
    "AttributeListView",
    "ChannelCallbackView",
    "ChannelViewSet",
    "ImageViewSet",
    "ItemViewSet",
    "ListingViewSet",
    "MemberViewSet",
    "MerchantListViewSet",
    "OrderViewSet",
    "QuotaView",
]
