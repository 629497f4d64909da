from django.urls import include, path
from rest_framework.routers import SimpleRouter

from marketplaces.api import views

router = SimpleRouter(use_regex_path=False)
router.register("merchants", views.MerchantListViewSet, basename="merchant")
router.register("items", views.ItemViewSet, basename="item")
router.register("listings", views.ListingViewSet, basename="listing")
router.register("jobs", views.JobViewSet, basename="job")
router.register("foreign-listings", views.ForeignListingViewSet, basename="foreign-listing")
router.register("messages", views.MessageViewSet, basename="message")
router.register("orders", views.OrderViewSet, basename="order")

urlpatterns = [
    path("merchants/join/", views.InvitationViewSet.as_view({"post": "create"})),
    path("merchants/<uuid:id>/members/", views.MemberViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "merchants/<uuid:id>/members/<int:member>/",
        views.MemberViewSet.as_view({"patch": "partial_update", "delete": "destroy"}),
    ),
    path("items/<uuid:id>/images/", views.ImageViewSet.as_view({"post": "create"})),
    path("items/<uuid:id>/images/order/", views.ImageViewSet.as_view({"post": "order"})),
    path("items/<uuid:id>/images/<uuid:image>/", views.ImageViewSet.as_view({"delete": "destroy"})),
    path("channels/", views.ChannelViewSet.as_view({"get": "list"})),
    path(
        "channels/<str:channel>/",
        views.ChannelViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    path("channels/<str:channel>/connect/", views.ChannelViewSet.as_view({"post": "connect"})),
    path("channels/<str:channel>/callback/", views.ChannelCallbackView.as_view()),
    path("channels/<str:channel>/sync/", views.ReadingViewSet.as_view({"post": "sync"})),
    path("channels/<str:channel>/orders/", views.ReadingViewSet.as_view({"post": "orders"})),
    path("channels/<str:channel>/messages/", views.ReadingViewSet.as_view({"post": "messages"})),
    path("plugin/devices/", views.DeviceViewSet.as_view({"get": "list", "post": "create"})),
    path("plugin/devices/<uuid:id>/", views.DeviceViewSet.as_view({"delete": "destroy"})),
    path("plugin/tasks/", views.PluginTasksView.as_view()),
    path("plugin/tasks/<uuid:id>/result/", views.PluginResultView.as_view()),
    path("plugin/heartbeat/", views.PluginHeartbeatView.as_view()),
    path("quotas/", views.QuotaView.as_view({"get": "retrieve"})),
    path("attributes/<str:kind>/", views.AttributeListView.as_view({"get": "list"})),
    path("", include(router.urls)),
]
