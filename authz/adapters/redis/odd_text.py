"""Text that is no Unicode, made storable and back.

A request path may hold any byte; bytes outside UTF-8 are carried as lone surrogates (PEP 383), which JSON
parsers rightly refuse. U+E000 (private use) and four hex digits stand for one, and for U+E000 itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar, cast

MARK = "\ue000"

_ODD = re.compile("[\ud800-\udfff\ue000]")
_MARKED = re.compile("\ue000([0-9a-f]{4})")

Value = TypeVar("Value")


def mark(value: Value) -> Value:
    """Return a dataclass, tuple, mapping or text with every odd character marked."""
    return _mapped(value, lambda text: _ODD.sub(lambda found: f"{MARK}{ord(found[0]):04x}", text))


def unmark(value: Value) -> Value:
    """Undo `mark`."""
    return _mapped(value, lambda text: _MARKED.sub(lambda found: chr(int(found[1], 16)), text))


def _mapped(value: Value, change: Callable[[str], str]) -> Value:
    found: Any = value
    if isinstance(found, Enum):
        return value
    if isinstance(found, str):
        found = change(found)
    elif isinstance(found, tuple):
        found = tuple(_mapped(one, change) for one in found)
    elif isinstance(found, Mapping):
        found = {change(name): _mapped(one, change) for name, one in found.items()}
    elif is_dataclass(found) and not isinstance(found, type):
        found = replace(
            found, **{one.name: _mapped(getattr(found, one.name), change) for one in fields(found)}
        )
    return cast("Value", found)
