from django.urls import include, path
from rest_framework.routers import SimpleRouter

from accounts.api import passwords, registration, second_factor, sessions, staff, users, views

router = SimpleRouter(use_regex_path=False)
staff_router = SimpleRouter(use_regex_path=False)
staff_router.register("accounts", staff.AccountViewSet, basename="staff-account")
staff_router.register("users", users.UserViewSet, basename="user")
staff_router.register("approvals", staff.ApprovalViewSet, basename="approval")
router.register("account/entries", views.EntryViewSet, basename="account-entry")
router.register("auth/sessions", sessions.SessionViewSet, basename="session")
router.register("rates", views.RateViewSet, basename="rate")
router.register("price-lists", views.PriceListViewSet, basename="price-list")

# Older clients know other addresses; the contract documents the first of each.
urlpatterns = [
    path("auth/login/", sessions.LoginView.as_view(), name="login"),
    path("auth/login/json/", sessions.LoginView.as_view(schema=None)),
    path("auth/login/admin/", sessions.StaffLoginView.as_view(), name="login-admin"),
    path("auth/refresh/", sessions.RefreshView.as_view(), name="refresh"),
    path("auth/logout/", sessions.LogoutView.as_view(), name="logout"),
    path("auth/logout/all/", sessions.LogoutAllView.as_view(), name="logout-all"),
    path("auth/mfa/totp/", second_factor.EnrolmentView.as_view(), name="mfa-totp"),
    path("auth/mfa/totp/confirm/", second_factor.ConfirmView.as_view(), name="mfa-totp-confirm"),
    path("auth/mfa/totp/disable/", second_factor.DisableView.as_view(), name="mfa-totp-disable"),
    path("auth/mfa/recovery-codes/", second_factor.RecoveryCodesView.as_view(), name="mfa-recovery-codes"),
    path("auth/register/", registration.RegisterView.as_view(), name="register"),
    path("auth/signup/", registration.RegisterView.as_view(schema=None)),
    path("auth/verify-otp/", registration.VerifyOtpView.as_view(), name="verify-otp"),
    path("auth/resend-otp/", registration.ResendOtpView.as_view(), name="resend-otp"),
    path("auth/forgot-password/", passwords.ForgotPasswordView.as_view(), name="forgot-password"),
    path("auth/reset-password/", passwords.ResetPasswordView.as_view(), name="reset-password"),
    path("auth/change-password/", passwords.ChangePasswordView.as_view(), name="change-password"),
    path("auth/me/", views.MeView.as_view(), name="me"),
    *(path(f"{alias}/", views.MeView.as_view(schema=None)) for alias in ("users/me", "auth/user/profile")),
    path("account/entries.csv", views.EntriesCSVView.as_view(), name="account-entries-csv"),
    path("account/", views.AccountView.as_view(), name="account"),
    path("", include(router.urls)),
    path("", include(staff_router.urls)),
]
