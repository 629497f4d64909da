"""Versions below which a library has a known hole, and the promise that everything is pinned."""

import re
from pathlib import Path

import pytest
from packaging.version import Version

FLOORS = {"django": "5.2.19", "pyjwt": "2.15.1", "djangorestframework": "3.15.2", "gunicorn": "22"}
FILES = ["requirements", "requirements-dev"]


def pins(name: str) -> dict[str, str]:
    lines = Path(f"{name}.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith((" ", "#")))


@pytest.mark.parametrize("package", FLOORS)
def test_pinned_version_is_not_below_its_floor(package: str) -> None:
    assert Version(pins("requirements")[package]) >= Version(FLOORS[package])


@pytest.mark.parametrize("name", FILES)
def test_every_direct_dependency_has_a_reason_and_a_pin(name: str) -> None:
    pinned = pins(name)
    reason = ""
    for line in Path(f"{name}.in").read_text().splitlines():
        if line.startswith("#"):
            reason = line
        elif line and not line.startswith("-"):
            assert reason, f"{line} has no reason"
            package = re.split(r"[\[<>=]", line)[0].lower()
            assert package in {key.lower() for key in pinned}, f"{package} is not pinned"
        else:
            reason = ""


@pytest.mark.parametrize("name", FILES)
def test_closure_names_no_host(name: str) -> None:
    assert "://" not in Path(f"{name}.txt").read_text()
