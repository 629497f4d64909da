"""What a run found, beside the goals of docs/performance.md."""

import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    what: str
    measured: str
    goal: str = ""
    reached: bool | None = None


class Report:
    def __init__(self) -> None:
        self._sections: list[tuple[str, list[Figure]]] = []

    def section(self, title: str) -> None:
        self._sections.append((title, []))
        print(f"… {title}", flush=True)

    def add(self, what: str, measured: str, *, goal: str = "", reached: bool | None = None) -> None:
        self._sections[-1][1].append(Figure(what, measured, goal, reached))

    def print(self) -> None:
        print(f"\nPython {platform.python_version()}, {_cores()} cores. Compare the ratios, not the absolute figures.")
        for title, figures in self._sections:
            print(f"\n{title}")
            width = max(len(figure.what) for figure in figures)
            for figure in figures:
                verdict = {True: "reached", False: "NOT reached", None: ""}[figure.reached]
                goal = f"   goal {figure.goal}: {verdict}" if figure.goal else ""
                print(f"  {figure.what:<{width}}  {figure.measured}{goal}")


def percentile(samples: list[float], share: float) -> float:
    ordered = sorted(samples)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _cores() -> int:
    return Path("/proc/cpuinfo").read_text().count("processor\t")
