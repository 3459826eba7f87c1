"""The channel of docs/extending.md, from its file and its entry to what a pager is told."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from authz.bootstrap.channels import channels
from authz.bootstrap.outside import Outside
from authz.domain.break_glass import Review
from authz.domain.errors import SettingsInvalid
from authz.domain.events import EventType
from authz.services.digest import Digest, Digesting
from authz.services.ports import Alarm, Channel, DeliveryDelayed, DeliveryRefused, Posting
from authz.settings_loader import load_settings
from tests.support.sample_reviews import review_draft
from tests.support.sample_tickets import CREATED_AT, ticket

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "extending.md").read_text("utf-8")
CREATED = Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT)


def example(language: str) -> str:
    """Return the page's one example in a language."""
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.fixture(autouse=True)
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Write the file as the page says, where Python finds it."""
    (tmp_path / "pager_channel.py").write_text(
        f"{example('python')}\n\n{example('python storm')}", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("pager_channel", None)


def made(**changes: object) -> Channel:
    """Return the channel of the page's entry, changed."""
    entry: dict[str, object] = {**yaml.safe_load(example("yaml"))["channels"]["pager"], **changes}
    described = yaml.safe_dump({"pager": entry})
    unused: Any = None
    outside = Outside(unused, unused, unused, unused, httpx.AsyncClient(), unused)
    return channels(load_settings({"HOLDGATE_CHANNELS": described}), outside)["pager"]


@asynccontextmanager
async def pager(answer: str, name: str = "PagerChannel") -> AsyncIterator[tuple[Channel, list[str]]]:
    """Answer every line alike; give the channel of this name to it and the lines."""
    lines: list[str] = []

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append((await reader.readline()).decode())
        writer.write(f"{answer}\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answering, "127.0.0.1", 0)
    async with server:
        port = str(server.sockets[0].getsockname()[1])
        options = {"host": "127.0.0.1", "port": port}
        yield made(factory=f"pager_channel:{name}", options=options), lines


async def test_the_pager_is_told_of_a_ticket_and_of_a_broken_glass() -> None:
    review = Review(review_draft(), CREATED_AT, CREATED_AT + 1000)
    async with pager("OK") as (channel, lines):
        assert await channel.send(CREATED) == "paged"
        assert await channel.alarm(Alarm(EventType.BREAKGLASS_USED, review, CREATED_AT)) == "paged"
    first, second = lines
    assert first.startswith("Approval needed · ")
    assert first.endswith(f"/tickets/{ticket().id}\n")
    assert second.startswith("Break-glass used · ")
    assert channel.events == {EventType.TICKET_CREATED, EventType.BREAKGLASS_USED}


async def test_its_answers_are_what_delivery_goes_by() -> None:
    async with pager("BUSY 30") as (channel, _):
        with pytest.raises(DeliveryDelayed, match="busy") as caught:
            await channel.send(CREATED)
        assert caught.value.after_s == 30
    async with pager("WHO ARE YOU") as (channel, _):
        with pytest.raises(DeliveryRefused):
            await channel.send(CREATED)
    with pytest.raises(DeliveryDelayed, match="no answer"):
        await channel.send(CREATED)  # nobody listens any more


async def test_the_counting_pager_is_told_of_a_storm_by_one_line_and_the_other_of_each_ticket() -> None:
    async with pager("OK", "CountingPager") as (channel, lines):
        assert isinstance(channel, Digesting)
        assert channel.in_place is False
        assert await channel.digest(Digest(37, 41, CREATED_AT, CREATED_AT + 1000), "") == ""
        assert await channel.send(CREATED) == "paged"
    count, _ = lines
    assert count.startswith("37 requests wait for a decision: http")
    assert not isinstance(made(), Digesting)


def test_it_names_all_that_a_posting_and_a_digest_have() -> None:
    for kind, fields in (
        ("posting", {"copied", "opening", "elsewhere", "happened_at", "designated"}),
        ("digest", set(Digest.__slots__)),
    ):
        assert set(re.findall(rf"`{kind}\.([a-z_]+)`", PAGE)) >= fields


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"factory": "pagr_channel:PagerChannel"}, "there is no module pagr_channel; put the folder"),
        ({"factory": "pager_channel:Pager"}, "pager_channel has no Pager that can be called"),
        ({"factory": "collections:OrderedDict"}, "has no events, send, alarm; see docs/extending.md"),
        ({"factory": "pager_channel"}, "factory: String should match pattern"),
        ({"options": {"host": "s3cret"}}, "options: host and port are needed"),
    ],
)
def test_what_can_not_work_is_a_problem_of_the_settings(changes: dict[str, object], why: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        made(**changes)
    [problem] = caught.value.problems
    assert problem.startswith("HOLDGATE_CHANNELS.pager")
    assert why in problem
    assert "s3cret" not in problem


def test_options_are_secret() -> None:
    described = '{"pager": {"kind": "python", "factory": "a:B", "options": {"token": "s3cret"}}}'
    assert "s3cret" not in repr(load_settings({"HOLDGATE_CHANNELS": described}))
