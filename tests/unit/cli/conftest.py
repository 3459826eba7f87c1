from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from click.testing import CliRunner, Result

from authz.domain.ticket import TicketDraft
from authz.entrypoints.cli.main import cli
from authz.entrypoints.cli.tickets import demo_caller
from tests.support.sample_tickets import BODY, draft
from tests.unit.cli.management_thread import ManagementThread, management_thread

Holdgate = Callable[..., Result]


@dataclass(frozen=True, slots=True)
class SampleCaller:
    """Stands for a demo person of a demo that runs."""

    api: ManagementThread
    name: str

    @property
    def address(self) -> str:
        return self.api.address

    def token(self) -> str:
        return self.api.tokens.token(self.name)


@pytest.fixture
def api() -> Iterator[ManagementThread]:
    with management_thread() as thread:
        yield thread


@pytest.fixture
def holdgate(api: ManagementThread, monkeypatch: pytest.MonkeyPatch) -> Holdgate:
    """Run `holdgate` with these arguments, `api` being the running demo's."""
    monkeypatch.setattr(demo_caller, "demo_caller", lambda name: SampleCaller(api, name))

    def run(*arguments: str, text: str = "") -> Result:
        result = CliRunner().invoke(cli, arguments, input=text, prog_name="holdgate")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture
def held(api: ManagementThread) -> TicketDraft:
    """Return a ticket that waits."""
    return api.run(api.store.create(draft(), BODY)).ticket.draft
