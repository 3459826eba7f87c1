"""The sample people, as the demo's policy data lists them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from authz.entrypoints.demo.errors import DemoRefused

ISSUER: Final = "https://issuer.demo.holdgate.invalid"
"""`iss` of the demo's tokens. The `.invalid` domain (RFC 2606) makes sure that it is nobody's."""


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """Somebody who can send requests and sign in. `subject` is the `sub` that ISSUER knows them by."""

    id: str
    name: str
    subject: str
    groups: tuple[str, ...]


def read_people(data: Path) -> dict[str, SamplePerson]:
    """Return the people of `data.json` that have an identity of ISSUER, by id.

    Raises DemoRefused when the file can't be read or lists nobody.
    """
    if not data.exists():
        raise DemoRefused(f"there is no {data}: run this in a checkout of Holdgate, or name --policies")
    try:
        listed = json.loads(data.read_text(encoding="utf-8"))["directory"]["people"]
        people = {
            key: SamplePerson(key, entry["name"], identity["id"], tuple(entry["groups"]))
            for key, entry in listed.items()
            for identity in entry["identities"]
            if identity["ns"] == ISSUER
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DemoRefused(f"{data} is not the demo's data with directory.people in it: {error!r}") from error
    if not people:
        raise DemoRefused(f"{data} lists nobody of {ISSUER}")
    return people
