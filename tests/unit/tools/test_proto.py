"""The check that the generated code is what the definitions say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools import proto

SOURCES = Path(__file__).parents[3] / "proto"


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the definitions, to be changed."""
    copy = tmp_path / "proto"
    shutil.copytree(SOURCES, copy)
    monkeypatch.setattr(proto, "SOURCES", copy)
    return copy


def test_the_committed_code_is_current(sources: Path) -> None:
    assert sources.exists()
    assert proto.problems() == []


def test_a_changed_definition_is_caught(sources: Path) -> None:
    definition = sources / "holdgate" / "v1" / "approvals.proto"
    text = definition.read_text("utf-8")
    definition.write_text(text.replace("string page_token = 3;", "string page_token = 4;"), "utf-8")

    assert [problem.partition(" ")[0] for problem in proto.problems()] == [
        "authz/wire/holdgate/v1/approvals_pb2.py"
    ]


def test_a_definition_that_is_gone_is_caught(sources: Path) -> None:
    (sources / "ext_authz.proto").unlink()

    assert "authz/wire/ext_authz_pb2.py" in " ".join(proto.problems())
