"""Which interpreter the set-up takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FIND_PYTHON = Path(__file__).parents[3] / "tools" / "find-python"


def _program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return path


def _find(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    path = {"PATH": f"{folder / 'bin'}:{os.defpath}"} | env
    return subprocess.run(
        ["/bin/sh", str(FIND_PYTHON)],
        cwd=folder,
        env=path,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Return a python3.12 on PATH that runs."""
    return _program(tmp_path / "bin" / "python3.12", f'exec {sys.executable} "$@"')


def test_it_skips_a_shim_that_does_not_run(tmp_path: Path, real: Path) -> None:
    _program(tmp_path / "bin" / "python3.14", "echo 'python3.14: command not found' >&2; exit 127")

    assert _find(tmp_path).stdout.strip() == str(real)


def test_it_skips_a_python_that_is_too_old(tmp_path: Path, real: Path) -> None:
    _program(tmp_path / "bin" / "python3.13", "exit 1")

    assert _find(tmp_path).stdout.strip() == str(real)


def test_an_environment_that_exists_keeps_its_python(tmp_path: Path, real: Path) -> None:
    _program(tmp_path / ".venv" / "bin" / "python", f'exec {real} "$@"')

    assert _find(tmp_path).stdout.strip() == ".venv/bin/python"


def test_the_variable_wins(tmp_path: Path, real: Path) -> None:
    named = _program(tmp_path / "my-python", f'exec {real} "$@"')

    assert _find(tmp_path, PYTHON=str(named)).stdout.strip() == str(named)


def test_a_variable_that_names_no_python_is_told(tmp_path: Path, real: Path) -> None:
    assert real.exists()

    found = _find(tmp_path, PYTHON="/no/such/python")

    assert found.returncode == 1
    assert "PYTHON=/no/such/python" in found.stderr


def test_without_any_it_says_how_to_get_one(tmp_path: Path) -> None:
    found = _find(tmp_path, PATH=str(tmp_path))

    assert found.returncode == 1
    assert "Python >= 3.11" in found.stderr
