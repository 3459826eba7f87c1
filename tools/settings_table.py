"""Makes docs/settings.md from the fields of `Settings` and the comments above them: `python -m tools.settings_table`.

A test holds the page to what this prints.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import getsource
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from authz.domain.duration import format_duration
from authz.setting_sources import PREFIX, SECRETS
from authz.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "settings.md"

_INTRODUCTION = """\
# Settings

Every process reads the same settings: `HOLDGATE_*` in the environment, else the YAML file that `HOLDGATE_CONFIG` \
names (there in lowercase and without the prefix: `opa_url: …`). The environment wins; objects that are given in both \
are merged. A variable that begins with `HOLDGATE_` and is no setting is an error, so that a misspelled one is not a \
default in disguise. A bad configuration names every problem at once, and the command ends with status 2.

- A **duration** is written as Go writes it: `150ms`, `90s`, `1h30m`.
- A **list** is comma-separated in the environment, and a list in YAML.
- An **object** is JSON or YAML in the environment, and a mapping in YAML.
- A **secret** can also be given as `HOLDGATE_…_FILE`, the path of a file that holds it. It is never printed or logged.

This page is made by `python -m tools.settings_table`.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting. `meaning` is the comment above its field."""

    section: str
    name: str
    form: str
    default: str
    meaning: str


def page() -> str:
    """Return the whole page."""
    parts = [_INTRODUCTION]
    section = ""
    for row in rows():
        if row.section != section:
            section = row.section
            parts.append(f"\n## {section}\n\n| setting | form | default | meaning |\n|---|---|---|---|\n")
        parts.append(f"| `{PREFIX}{row.name.upper()}` | {row.form} | {row.default} | {row.meaning} |\n")
    return "".join(parts)


def rows() -> Iterator[Row]:
    """Yield every setting, group by group."""
    for group in reversed(Settings.__mro__):
        if group.__module__.startswith("authz.settings."):
            yield from _rows(group)


def _rows(group: type) -> Iterator[Row]:
    source = getsource(group)
    lines = source.splitlines()
    body = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)).body
    section = (group.__doc__ or "").removesuffix(".")
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            comments = _comments_above(lines, node.lineno - 1)
            meaning = " ".join(line.removeprefix("#").strip() for line in comments)
            name = node.target.id
            described = Settings.model_fields[name]
            form = _form(described, ast.unparse(node.annotation))
            if name in SECRETS:
                form += ", secret"
            yield Row(section, name, form, _default(described, node), meaning)


def _comments_above(lines: list[str], end: int) -> list[str]:
    start = end
    while start and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return [line.strip() for line in lines[start:end]]


def _form(described: FieldInfo, written: str) -> str:
    kind: Any = described.annotation
    if written in {"Duration", "Timeout"}:
        form = "duration, more than 0" if written == "Timeout" else "duration"
    elif get_origin(kind) is Literal:
        form = " or ".join(f"`{choice}`" for choice in get_args(kind))
    elif kind is bool:
        form = "`true` or `false`"
    elif kind is int:
        form = "whole number" + _bounds(described)
    elif get_origin(kind) is dict:
        form = "object"
    elif get_origin(kind) is tuple:
        form = "list"
    else:
        form = "text"
    return form


def _bounds(described: FieldInfo) -> str:
    low = next((entry.ge for entry in described.metadata if isinstance(entry, Ge)), None)
    high = next((entry.le for entry in described.metadata if isinstance(entry, Le)), None)
    return ("" if low is None else f" from {low}") + ("" if high is None else f" to {high}")


def _default(described: FieldInfo, node: ast.AnnAssign) -> str:
    value = described.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(node.annotation, ast.Name) and node.annotation.id in {"Duration", "Timeout"}:
        return f"`{format_duration(value)}`"
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case tuple():
            return f"`{','.join(value)}`" if value else "empty"
        case dict():
            return "one route, `default`, to no channel" if value else "empty"
        case _:
            return f"`{value}`" if value != "" else "empty"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
