from django.urls import include, path
from rest_framework.routers import SimpleRouter

from payments.api import views

router = SimpleRouter(use_regex_path=False)
router.register("payments", views.PaymentViewSet, basename="payment")
router.register("refunds", views.RefundViewSet, basename="refund")

urlpatterns = [
    path("payments/callbacks/<str:provider>/<str:secret>/", views.CallbackView.as_view(), name="payment-callback"),
    path("", include(router.urls)),
]
