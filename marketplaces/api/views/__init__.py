from marketplaces.api.views.attributes import AttributeListView
from marketplaces.api.views.channels import ChannelCallbackView, ChannelViewSet
from marketplaces.api.views.images import ImageViewSet
from marketplaces.api.views.invitations import InvitationViewSet
from marketplaces.api.views.items import ItemViewSet
from marketplaces.api.views.jobs import ForeignListingViewSet, JobViewSet, MessageViewSet, ReadingViewSet
from marketplaces.api.views.listings import ListingViewSet, OrderViewSet, QuotaView
from marketplaces.api.views.members import MemberViewSet
from marketplaces.api.views.merchants import MerchantListViewSet
from marketplaces.api.views.plugin import DeviceViewSet, PluginHeartbeatView, PluginResultView, PluginTasksView

__all__ = [
    "AttributeListView",
    "ChannelCallbackView",
    "ChannelViewSet",
    "DeviceViewSet",
    "ForeignListingViewSet",
    "ImageViewSet",
    "InvitationViewSet",
    "ItemViewSet",
    "JobViewSet",
    "ListingViewSet",
    "MemberViewSet",
    "MerchantListViewSet",
    "MessageViewSet",
    "OrderViewSet",
    "PluginHeartbeatView",
    "PluginResultView",
    "PluginTasksView",
    "QuotaView",
    "ReadingViewSet",
]
