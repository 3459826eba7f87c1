"""Packages for the browser are what was pinned, or are not used."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from tools import npm
from tools.console import SetupError
from tools.npm import CARD_RENDERER, Script, WrongPackage, unpack


def package(folder: Path, member: str = "package/dist/x.js") -> tuple[Script, Path]:
    """Return a package with one file, and what pins it."""
    packed = folder / "x-1.0.0.tgz"
    with tarfile.open(packed, "w:gz") as archive:
        info = tarfile.TarInfo(member)
        info.size = 4
        archive.addfile(info, io.BytesIO(b"x();"))
    digest = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
    return Script("x", "1.0.0", digest, "package/dist/x.js"), packed


def test_the_file_is_taken_out_of_the_package_that_was_pinned(tmp_path: Path) -> None:
    script, packed = package(tmp_path)
    assert unpack(script, packed).read_bytes() == b"x();"


def test_another_package_is_refused(tmp_path: Path) -> None:
    script, packed = package(tmp_path)
    with pytest.raises(WrongPackage, match="pins sha512-AAAA"):
        unpack(replace(script, sha512="AAAA"), packed)
    assert list(tmp_path.iterdir()) == [packed]


def test_every_pin_is_a_whole_digest() -> None:
    for script in CARD_RENDERER:
        assert len(base64.b64decode(script.sha512, validate=True)) == hashlib.sha512().digest_size


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without npm, where nothing was fetched."""
    monkeypatch.setattr(npm, "SCRIPTS", tmp_path / "scripts")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("bare")
def test_without_npm_the_cards_cant_be_drawn() -> None:
    with pytest.raises(SetupError, match="there is no npm on PATH"):
        npm.prepare()


@pytest.mark.usefixtures("bare")
def test_without_npm_the_tests_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    npm.prepare_if_possible()
    assert "tests that draw cards will not run: there is no npm on PATH" in capsys.readouterr().out


def test_an_npm_that_fetches_nothing_is_said_and_lets_the_tests_go_on(
    bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(bare, "#!/bin/sh\nexit 1\n")
    npm.prepare_if_possible()
    assert "`npm pack --silent adaptivecards@" in capsys.readouterr().out


def test_an_npm_that_fetches_something_else_stops_the_set_up(bare: Path) -> None:
    """The control of the one above: a wrong package is no reason to go on without."""
    fake(bare, '#!/bin/sh\nprintf other > "${3%@*}-${3#*@}.tgz"\n')
    with pytest.raises(WrongPackage):
        npm.prepare_if_possible()


def fake(folder: Path, script: str) -> None:
    """Put an npm of our own on PATH."""
    (folder / "npm").write_text(script, "utf-8")
    (folder / "npm").chmod(0o755)
