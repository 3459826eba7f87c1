"""What Holdgate is told about a run, and what `holdgate demo token` reads of it: private files in `.run/`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from authz.entrypoints.console.demo_address import one_time_address
from authz.entrypoints.demo.errors import NotRunning
from authz.entrypoints.demo.people import ISSUER, SamplePerson
from authz.entrypoints.demo.run_directory import RunDirectory
from authz.entrypoints.demo.signing import AUDIENCE, LIFETIME, SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoContext:
    """`sign_in_key` is what one-time sign-in addresses of the console, at `console`, are made with.

    Holdgate offers the sample people for sign-in only while `redis_pid` and `opa_pid` are children of its own
    parent, `demo_pid`, so that the file is worth nothing to a server outside of this run. `jwks` is the
    public key set.
    """

    sign_in_key: str
    console: str
    demo_pid: int
    redis_pid: int
    opa_pid: int
    people: tuple[SamplePerson, ...]
    jwks: str
    issuer: str = ISSUER

    def to_json(self) -> str:
        """Return the file's content."""
        return json.dumps({**asdict(self), "jwks": json.loads(self.jwks)}, indent=2)


def bearer_token(run: RunDirectory, name: str, *, audience: str = AUDIENCE, lifetime: int = LIFETIME) -> str:
    """Return a token for a sample person of the running demo, for `lifetime` seconds.

    Raises NotRunning when there is no demo in this directory, or nobody of that name in it.
    """
    people = {person["id"]: person for person in _read(run)["people"]}
    if name not in people:
        raise NotRunning(f"the demo knows nobody called {name!r}; there are {', '.join(sorted(people))}")
    key = SigningKey(run.signing_key.read_text(encoding="utf-8"))
    person = people[name]
    return key.token(person["subject"], person["name"], audience=audience, lifetime=lifetime)


def sign_in_address(run: RunDirectory) -> str:
    """Return an address of the running demo's console that signs in one browser, once. Raises NotRunning."""
    context = _read(run)
    return one_time_address(context["console"], context["sign_in_key"])


def _read(run: RunDirectory) -> dict[str, Any]:
    if not run.is_held() or not run.context.exists():
        raise NotRunning(
            f"no demo runs in {run.root}; start one with `make run`, or set RUN_DIR to its directory"
        )
    context: dict[str, Any] = json.loads(run.context.read_text(encoding="utf-8"))
    return context
