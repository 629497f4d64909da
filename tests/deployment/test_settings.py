"""The settings of a production start, as `.env.example` shows them."""

import ast
import re
import runpy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import databases, mail
from config.env import FILE_SETTINGS
from tests.deployment.checks import assert_clean, check_deploy
from tests.deployment.container_files import PROJECT
from tests.deployment.example import EXAMPLE, PLACEHOLDER, example_settings, fill, filled, settings_named
from tests.deployment.processes import only

REQUIRED_SECRETS = [
    "SECRET_KEY",
    "JWT_SIGNING_KEY",
    "ENCRYPTION_KEYS",
    "AUDIT_KEY",
    "AUDIT_SEAL_KEY",
    "PAYMENTS_CALLBACK_TOKEN",
    "MYPAYGA_API_KEY",
    "MYPAYGA_CALLBACK_SECRET",
    "SINGPAY_CLIENT_ID",
    "SINGPAY_CLIENT_SECRET",
    "SINGPAY_WALLET",
]
WITH_PLACEHOLDER = sorted(name for name, value in example_settings().items() if PLACEHOLDER in value)


@pytest.fixture
def start(image: SimpleNamespace) -> Callable[[Mapping[str, str]], dict[str, Any]]:
    """Run the settings file as a fresh process would, with these settings in the environment; gives its names."""

    def start_with(settings: Mapping[str, str]) -> dict[str, Any]:
        with only({"DATA_DIR": str(image.data), **settings}):
            return runpy.run_path(str(image.app / "config" / "settings.py"))

    return start_with


def test_check_deploy_with_the_filled_example_is_clean(image: SimpleNamespace) -> None:
    dotenv = image.app / ".env"
    dotenv.write_text(fill(EXAMPLE))
    try:
        assert_clean(check_deploy(image, {}))
    finally:
        dotenv.unlink()


def test_check_deploy_with_the_untouched_example_stops_with_a_sentence(image: SimpleNamespace) -> None:
    result = check_deploy(image, example_settings())
    assert result.returncode == 1
    assert result.stdout == ""
    assert "SECRET_KEY is unsafe (shorter than 32 characters, or a placeholder)" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "given, required", [({}, True), ({"MFA_REQUIRED": "false"}, False), ({"DEBUG": "1"}, False)], ids=str
)
def test_staff_need_a_second_factor_outside_of_debug(
    start: Callable[..., dict[str, Any]], given: dict[str, str], required: bool
) -> None:
    assert start(filled() | given)["MFA_REQUIRED"] is required


def test_example_values_are_those_in_force(start: Callable[..., dict[str, Any]]) -> None:
    settings = start(filled())
    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == ["api.example.org"]
    assert settings["NUM_PROXIES"] == 1
    assert settings["DATABASES"]["default"]["USER"] == "medoc_app"
    assert settings["DATABASE_APPLICATION_ROLE"] == "medoc_app"
    assert settings["CACHES"]["default"]["BACKEND"] == "django.core.cache.backends.redis.RedisCache"
    assert settings["EMAIL_HOST"] == "mail.example.org"
    assert settings["DEFAULT_FROM_EMAIL"] == "Toc Toc Medoc <ne-pas-repondre@example.org>"
    assert settings["SECURE_SSL_REDIRECT"] is True


@pytest.mark.parametrize("name", [*REQUIRED_SECRETS, "PUBLIC_URL"])
def test_start_without_a_required_setting_names_it(start: Callable[..., dict[str, Any]], name: str) -> None:
    settings = filled()
    del settings[name]
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} is missing: .*(Set {name} or {name}_FILE|set it to )"):
        start(settings)


@pytest.mark.parametrize("name", WITH_PLACEHOLDER)
def test_start_with_a_placeholder_left_names_it(start: Callable[..., dict[str, Any]], name: str) -> None:
    settings = filled() | {name: example_settings()[name]}
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} (is unsafe .* Replace it|still holds .* put the real)"):
        start(settings)


def test_every_required_secret_has_a_placeholder() -> None:
    assert set(REQUIRED_SECRETS) <= set(WITH_PLACEHOLDER)


def test_start_with_a_short_key_names_it(start: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^AUDIT_KEY is unsafe \(shorter than 32 characters"):
        start(filled() | {"AUDIT_KEY": "a" * 31})


def test_start_with_a_key_that_does_not_fit_its_algorithm_is_refused(start: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^JWT_SIGNING_KEY must be a P-256 private key"):
        start(filled() | {"JWT_ALGORITHM": "ES256"})


def test_limit_of_anonymous_requests_cannot_be_switched_off(start: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^RATE_LIMIT_PER_MINUTE must be at least 1"):
        start(filled() | {"RATE_LIMIT_PER_MINUTE": "0"})


@pytest.mark.parametrize("name", ["PAYMENT_PROMPTS_PER_PHONE", "PAYMENT_PROMPTS_PER_USER"])
def test_limits_of_payment_prompts_cannot_be_switched_off(start: Callable[..., dict[str, Any]], name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"{name} .*must be at least 1"):
        start(filled() | {name: "0"})


def test_start_with_a_plain_http_address_is_refused(start: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^PUBLIC_URL must begin with https://"):
        start(filled() | {"PUBLIC_URL": "http://api.example.org"})


@pytest.mark.parametrize("name", sorted(FILE_SETTINGS & set(example_settings())))
def test_secret_from_its_file_wins(start: Callable[..., dict[str, Any]], tmp_path: Path, name: str) -> None:
    settings = filled()
    (tmp_path / "secret").write_text(settings[name] + "\n")
    expected = start(settings)
    given = start(settings | {name: PLACEHOLDER, f"{name}_FILE": str(tmp_path / "secret")})
    assert {key: given[key] for key in given if key.isupper()} == {
        key: expected[key] for key in expected if key.isupper()
    }


@pytest.mark.parametrize("path", ["missing", "."])
def test_unreadable_secret_file_is_named(start: Callable[..., dict[str, Any]], tmp_path: Path, path: str) -> None:
    named = str(tmp_path / path)
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY_FILE names .*, which cannot be read") as refused:
        start(filled() | {"SECRET_KEY_FILE": named})
    assert named in str(refused.value)
    assert "create the file or unset SECRET_KEY_FILE" in str(refused.value)


def test_empty_addresses_mean_the_embedded_engines(
    start: Callable[..., dict[str, Any]], image: SimpleNamespace
) -> None:
    empty = dict.fromkeys(("DATABASE_URL", "DATABASE_OWNER_URL", "CATALOG_DATABASE_URL", "CACHE_URL", "EMAIL_URL"), "")
    settings = start(filled() | empty)
    assert settings["DATABASES"]["default"]["NAME"] == str(image.data / "db.sqlite3")
    assert list(settings["DATABASES"]) == ["default"]
    assert settings["CACHES"]["default"]["BACKEND"] == "django.core.cache.backends.locmem.LocMemCache"
    assert settings["EMAIL_BACKEND"] == "django.core.mail.backends.console.EmailBackend"


@pytest.mark.parametrize(
    "argv, owner_url, expected",
    [
        (["manage.py", "migrate"], "postgres://medoc_owner:owned@db/medoc", ("medoc_owner", "owned")),
        (["manage.py", "sweep"], "postgres://medoc_owner:owned@db/medoc", ("medoc_app", "raw%/@")),
        (["manage.py", "migrate"], "", ("medoc_app", "raw%/@")),
    ],
)
def test_database_password_belongs_to_the_application_role(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, argv: list[str], owner_url: str, expected: tuple[str, str]
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    addresses = {"DATABASE_URL": "postgres://medoc_app@db/medoc", "DATABASE_OWNER_URL": owner_url}
    with only({**addresses, "DATABASE_PASSWORD": "raw%/@"}):
        default = databases.from_environment(tmp_path)["default"]
    assert (default["USER"], default["PASSWORD"]) == expected


NASTY = "p@ss#w$rd/%:é ?&"


@pytest.mark.parametrize(
    "url, expected",
    [
        ("postgres://u:pw@db:5433/medoc", ("u", "pw", "db", 5433, "medoc", {})),
        ("postgresql://u:pw@db/medoc", ("u", "pw", "db", "", "medoc", {})),
        (f"postgres://u%40x:{quote(NASTY, safe='')}@db/m%2Fx", ("u@x", NASTY, "db", "", "m/x", {})),
        ("postgres://u@[::1]:5433/medoc", ("u", "", "::1", 5433, "medoc", {})),
        (
            "postgres://u@127.0.0.1:5433/medoc?sslmode=disable",
            ("u", "", "127.0.0.1", 5433, "medoc", {"sslmode": "disable"}),
        ),
        ("postgres://u@%2Fvar%2FRun%2Fpostgresql/medoc", ("u", "", "/var/Run/postgresql", "", "medoc", {})),
        ("postgres://u@%2Fvar%2Frun:5433/medoc", ("u", "", "/var/run", 5433, "medoc", {})),
        (
            "postgres://u@/medoc?host=/var/run/postgresql&port=5433",
            ("u", "", "/var/run/postgresql", "5433", "medoc", {}),
        ),
        ("postgres:///medoc", ("", "", "", "", "medoc", {})),
        (
            "postgres://u:pw@//cloudsql/p:europe-west1:Db/medoc",
            ("u", "pw", "/cloudsql/p:europe-west1:Db", "", "medoc", {}),
        ),
        ("postgres://u:pw@/medoc?host=/cloudsql/p:r:i", ("u", "pw", "/cloudsql/p:r:i", "", "medoc", {})),
    ],
)
def test_forms_of_the_database_address(url: str, expected: tuple[Any, ...]) -> None:
    parsed = databases.parse(url)
    assert parsed["ENGINE"] == "django.db.backends.postgresql"
    assert tuple(parsed[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME", "OPTIONS")) == expected


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:s3cret@x@db:many/medoc",
        "postgres://u:s3cret#x@db/medoc",
        "postgres://u:s3cret/x@db/medoc",
        "postgres://u:s3cret@db/",
        "postgres://u:s3cret@db",
        "postgres://u:s3cret@db/a/b",
        "postgres://u:s3cret@db/medoc?sslmode",
        "mysql://u:s3cret@db/medoc",
    ],
)
def test_database_address_that_is_none_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL ") as refused:
        databases.parse(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("password", [NASTY, "$HOME", "$DATABASE_URL", "#x", "'x'"])
@pytest.mark.parametrize("in_file", [False, True])
def test_raw_password_of_the_database_is_taken_as_it_is(
    start: Callable[..., dict[str, Any]], tmp_path: Path, password: str, in_file: bool
) -> None:
    given = {"DATABASE_PASSWORD": password}
    if in_file:
        (tmp_path / "password").write_text(password + "\n")
        given = {"DATABASE_PASSWORD": "", "DATABASE_PASSWORD_FILE": str(tmp_path / "password")}
    settings = start(filled() | {"DATABASE_URL": "postgres://u:other@db/medoc"} | given)
    assert settings["DATABASES"]["default"]["PASSWORD"] == password


@pytest.mark.parametrize(
    "url, password, expected",
    [
        ("smtp://mail.example.org", "", ("mail.example.org", 25, "", "", False, False)),
        ("smtp://127.0.0.1:1025", "", ("127.0.0.1", 1025, "", "", False, False)),
        ("smtp+tls://u:p@mail.example.org", "", ("mail.example.org", 587, "u", "p", True, False)),
        ("smtps://u:p@mail.example.org", "", ("mail.example.org", 465, "u", "p", False, True)),
        (
            "smtps://me%40example.org:p%40%23%24%2F%25@[::1]:4465",
            "",
            ("::1", 4465, "me@example.org", "p@#$/%", False, True),
        ),
        ("smtps://u:p@mail.example.org", "r@w#$/%", ("mail.example.org", 465, "u", "r@w#$/%", False, True)),
        ("smtp+tls://u@mail.example.org", "raw", ("mail.example.org", 587, "u", "raw", True, False)),
    ],
)
def test_mail_server_by_url(url: str, password: str, expected: tuple[Any, ...]) -> None:
    with only({"EMAIL_URL": url, "EMAIL_PASSWORD": password}):
        settings = mail.from_environment()
    assert settings["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    names = ("EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "EMAIL_USE_TLS", "EMAIL_USE_SSL")
    assert tuple(settings[name] for name in names) == expected


@pytest.mark.parametrize("url", ["", "console://"])
def test_mail_is_printed_by_default(url: str) -> None:
    with only({"EMAIL_URL": url}):
        assert mail.from_environment() == {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}


@pytest.mark.parametrize("url", ["imap://mail.example.org", "mail.example.org", "smtp://", "smtp://u:p@h:many"])
def test_mail_server_that_is_none_is_refused_without_telling_its_password(url: str) -> None:
    with only({"EMAIL_URL": url}), pytest.raises(ImproperlyConfigured, match=r"^EMAIL_URL ") as refused:
        mail.from_environment()
    assert "u:p@" not in str(refused.value)


def settings_read() -> dict[str, Any]:
    """Setting → its default, where the code gives a constant; read from `env.…`, `secret` and `required`."""
    found: dict[str, Any] = {}
    for path in [*sorted((PROJECT / "config").glob("*.py")), PROJECT / "deploy" / "gunicorn.conf.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _reads_a_setting(node.func) and isinstance(node.args[0], ast.Constant):
                default = next((item.value for item in node.keywords if item.arg == "default"), None)
                found[node.args[0].value] = default.value if isinstance(default, ast.Constant) else None
    return found


def _reads_a_setting(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return isinstance(function.value, ast.Name) and function.value.id == "env" and function.attr != "read_env"
    return isinstance(function, ast.Name) and function.id in {"secret", "required"}


def compose_variables() -> set[str]:
    return set(re.findall(r"\$\{([A-Z_]+)", (PROJECT / "compose.yaml").read_text()))


def test_example_names_every_setting_and_no_other() -> None:
    named = {name for name in settings_named() if not name.endswith("_FILE")}
    assert named == set(settings_read()) | compose_variables()


def test_example_names_the_file_of_every_secret() -> None:
    assert {name for name in settings_named() if name.endswith("_FILE")} == {f"{name}_FILE" for name in FILE_SETTINGS}


def test_example_shows_the_defaults_of_the_code() -> None:
    shown = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    defaults = {name: default for name, default in settings_read().items() if default not in (None, "")}
    assert len(defaults) > 20
    assert {name: shown[name] for name in defaults if name in shown} == {
        name: str(default).lower() if isinstance(default, bool) else str(default)
        for name, default in defaults.items()
        if name in shown
    }


def test_example_explains_every_setting() -> None:
    blocks = EXAMPLE.split("\n\n")
    unexplained = [
        block
        for block in blocks
        if re.search(r"^(# )?[A-Z_]+=", block, re.MULTILINE)
        and not re.match(r"#+ (?![A-Z_]+=).*[.;:]", block.replace("\n# ", " "))
    ]
    assert unexplained == []
