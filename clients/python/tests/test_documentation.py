"""What the pages and docstrings show is what happens."""

from __future__ import annotations

import doctest
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import httpx
import pytest

import holdgate_client
from clients.python.tests.gate_double import GateDouble, OverTheWire, Time
from clients.python.tests.grpc_double import GrpcGateDouble
from holdgate_client import errors

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "client-python.md"
README = ROOT / "clients" / "python" / "README.md"


@pytest.fixture
def gates(time: Time, monkeypatch: pytest.MonkeyPatch) -> dict[str, GateDouble]:
    """Each path has a gate of its own; what httpx would connect to is that."""
    gates: dict[str, GateDouble] = {}

    def handle(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if "db-" in path:
            gates["last"] = gate = gates.setdefault(path, GateDouble(time))
            if gate.state == "used-up":  # the next example begins anew
                gate.state, gate.decided_after = "pending", 2
            if "payments" in path:
                gate.decision = "rejected"
                gate.members = {"rejected_by": "Bob", "comment": "not on a Friday"}
            return gate(request)
        return gates["last"](request)

    monkeypatch.setattr(httpx, "HTTPTransport", lambda: OverTheWire(handle))
    return gates


def examples(page: Path) -> str:
    blocks: list[str] = re.findall(
        r"^```pycon\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return "\n".join(blocks)


def run(examples: doctest.DocTest) -> None:
    report: list[str] = []
    results = doctest.DocTestRunner().run(examples, out=report.append)
    assert not results.failed, "".join(report)


@pytest.fixture
def target(time: Time) -> Iterator[str]:
    del time
    with GrpcGateDouble().running() as port:
        yield f"127.0.0.1:{port}"


def test_the_pages_examples_do_what_they_say(gates: dict[str, GateDouble], target: str) -> None:
    def approve(_: str) -> None:
        gates["last"].state = "approved"

    known = {"approve": approve, "target": target}
    run(doctest.DocTestParser().get_doctest(examples(PAGE), known, PAGE.name, str(PAGE), 0))


def test_the_readmes_example_runs(gates: dict[str, GateDouble], capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    exec(compile(example, README, "exec"), {})  # noqa: S102 - the page's own
    assert gates["last"].done == 1
    assert capsys.readouterr().out.count("Hold(id='0-ticket1'") == 2


@pytest.mark.parametrize("module", [module.name for module in pkgutil.iter_modules(holdgate_client.__path__)])
def test_the_docstrings_examples_do_what_they_say(module: str) -> None:
    for found in doctest.DocTestFinder().find(import_module(f"holdgate_client.{module}")):
        run(found)


def test_every_error_has_its_row() -> None:
    table = PAGE.read_text("utf-8").partition("| error | when |")[2].partition("\n\n")[0]
    leaves = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.HoldgateError) and not value.__subclasses__()
    }
    assert set(re.findall(r"`([A-Z]\w+)`", table)) == leaves


def test_what_is_public_is_listed_in_order() -> None:
    assert sorted(holdgate_client.__all__) == holdgate_client.__all__
    assert all(hasattr(holdgate_client, name) for name in holdgate_client.__all__)


def test_the_distribution_brings_the_repositorys_license() -> None:
    assert (README.parent / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
