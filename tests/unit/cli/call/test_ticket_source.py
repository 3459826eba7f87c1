from __future__ import annotations

import io
from pathlib import Path

import pytest

from authz.entrypoints.cli.call.ticket_source import ticket_to_go_on_with

URL = "https://gate.test/a"
TOKEN = "hg1.k1.0-ticket1." + "a" * 43


def test_a_ticket_comes_from_a_file_or_else_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "ticket"
    file.write_text(TOKEN + "\n")
    found = ticket_to_go_on_with(str(file), {"HOLDGATE_TICKET": "other"}, URL, None)
    assert found is not None
    assert (found.token, str(found.origin)) == (TOKEN, "https://gate.test")
    found = ticket_to_go_on_with(None, {"HOLDGATE_TICKET": TOKEN}, URL, "name.test")
    assert found is not None
    assert str(found.origin) == "https://name.test"
    assert ticket_to_go_on_with(None, {"HOLDGATE_TICKET": ""}, URL, None) is None


def test_or_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(TOKEN))
    found = ticket_to_go_on_with("-", {}, URL, None)
    assert found is not None
    assert found.token == TOKEN


def test_what_is_no_ticket_is_refused_by_its_source_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^HOLDGATE_TICKET: this is not the token") as caught:
        ticket_to_go_on_with(None, {"HOLDGATE_TICKET": "s3cret"}, URL, None)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(OSError, match="no such"):
        ticket_to_go_on_with(str(tmp_path / "no such"), {}, URL, None)
