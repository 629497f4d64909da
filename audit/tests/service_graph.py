"""What the services call, read from their source: which functions write, and which of them tell anybody."""

import ast
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("common", "accounts", "catalog", "payments", "reservations", "appointments", "marketplaces")

_WRITES = {"save", "create", "update", "delete", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
# Statements of our own that write.
_HELPERS = {"insert", "write", "upsert", "copy_rows"}
_TELLS = {"send", "record", "record_later"}


@dataclass
class Function:
    name: str
    writes: bool = False
    tells: bool = False
    calls: set[str] = field(default_factory=set)


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _sources() -> list[Path]:
    """Every module of ours that a service may call; not what is called from outside (views, admin, commands)."""
    left_out = {"tests", "migrations", "api", "admin", "management"}
    return [path for app in APPS for path in sorted((ROOT / app).rglob("*.py")) if not left_out & set(path.parts)]


def _imports(tree: ast.Module) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
    return found


def _read(definition: ast.FunctionDef, module: str, imports: dict[str, str]) -> Function:
    found = Function(f"{module}.{definition.name}")
    for node in ast.walk(definition):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            # Also what is only handed on: `on_commit(partial(deliver, …))`.
            found.calls.add(imports.get(node.id, f"{module}.{node.id}"))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imports:
            found.calls.add(f"{imports[node.value.id]}.{node.attr}")
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute):
            found.writes |= called.attr in _WRITES or ast.unparse(called).endswith(".groups.set")
            found.tells |= called.attr in _TELLS
        elif isinstance(called, ast.Name):
            found.writes |= called.id in _HELPERS
            found.tells |= called.id in _TELLS
    return found


@cache
def functions() -> dict[str, Function]:
    """Every function at the top of a module, by its full name."""
    found: dict[str, Function] = {}
    for path in _sources():
        tree, module = ast.parse(path.read_text()), _module_name(path)
        imports = _imports(tree)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                found[f"{module}.{node.name}"] = _read(node, module, imports)
    return found


@cache
def _reached(name: str) -> frozenset[str]:
    known, seen, waiting = functions(), set(), [name]
    while waiting:
        each = waiting.pop()
        if each not in seen and each in known:
            seen.add(each)
            waiting += known[each].calls
    return frozenset(seen)


def writes(name: str) -> bool:
    """Whether it, or what it calls, writes a row."""
    return any(functions()[each].writes for each in _reached(name))


def tells(name: str) -> bool:
    """Whether it, or what it calls, sends a signal or records an event."""
    return any(functions()[each].tells for each in _reached(name))


def public_services() -> list[str]:
    return [
        name
        for name in sorted(functions())
        if ".services." in f".{name}." and not name.rpartition(".")[2].startswith("_")
    ]
