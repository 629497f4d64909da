"""axe-core in the page that the browser shows."""

from functools import cache
from importlib.resources import files
from typing import Any

from selenium import webdriver

GRAVE = frozenset({"serious", "critical"})

_RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(
    (results) => done(results.violations), (error) => done(`${error}`));
"""


@cache
def _axe() -> str:
    """axe-core itself; nothing else is used of the package that carries it."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def grave_faults(browser: webdriver.Chrome) -> list[str]:
    """What axe calls serious or critical on the page: the rule, the element and what is wrong with it."""
    browser.execute_script(_axe())
    violations: list[dict[str, Any]] | str = browser.execute_async_script(_RUN)
    assert not isinstance(violations, str), violations
    return [
        f"{violation['id']}: {node['target']} {node['html'][:200]} {node['failureSummary']}"
        for violation in violations
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]
