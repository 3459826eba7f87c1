"""Lua scripts as packaged beside this file."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Script:
    """A script's text and the name that Redis knows it by: the hex SHA-1 of the text (EVALSHA)."""

    source: bytes
    sha: str

    @classmethod
    def of(cls, source: str) -> Script:
        """Return the script for a text."""
        data = source.encode()
        return cls(data, sha1(data, usedforsecurity=False).hexdigest())


def text_of(name: str) -> str:
    """Return the text of a script file by its name without `.lua`."""
    return files(__package__).joinpath(f"{name}.lua").read_text("utf-8")


def packaged(*names: str, prelude: bool) -> Script:
    """Return packaged files as one script, with the shared prelude in front where it works on a partition."""
    source = "".join(text_of(name) for name in names)
    return Script.of(text_of("prelude") + source if prelude else source)
