"""The examples of docs/webhooks.md, run."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from authz.adapters.webhook.signature import signed
from authz.domain.events import EventType

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "webhooks.md").read_text("utf-8")
KEY = b"k" * 32
SECRET = f"whsec_{b64encode(KEY).decode()}"
BODY = b'{"type": "ticket.created"}'


def examples() -> dict[str, Any]:
    """Return what the page's Python defines."""
    defined: dict[str, Any] = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(example, defined)  # noqa: S102 - our own page
    return defined


@pytest.mark.parametrize("keys", [(KEY,), (b"n" * 32, KEY)], ids=["one secret", "while it is changed"])
def test_both_verify_what_we_sign(keys: tuple[bytes, ...]) -> None:
    headers = signed("0-abc/1-ticket-created", int(time.time()), BODY, keys)
    assert examples()["receive"](headers, BODY, SECRET) == {"type": "ticket.created"}
    assert examples()["is_ours"](headers, BODY, SECRET)


@pytest.mark.parametrize("age", [0, 301])
def test_both_refuse_what_is_forged_or_old(age: int) -> None:
    headers = signed("0-abc/1-ticket-created", int(time.time()) - age, BODY, [KEY])
    body = BODY if age else BODY + b" "
    assert examples()["receive"](headers, body, SECRET) is None
    assert not examples()["is_ours"](headers, body, SECRET)


def test_every_type_of_event_is_explained() -> None:
    assert {kind.value for kind in EventType} <= set(re.findall(r"`([a-z_.]+)`", PAGE))
