from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from authz.entrypoints.demo.errors import DemoRefused
from authz.entrypoints.demo.run_directory import RunDirectory, checkout, run_directory

HOLDING = """
import sys
from pathlib import Path
from authz.entrypoints.demo.run_directory import RunDirectory
with RunDirectory(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.read()
"""
ROOT = Path(__file__).parents[3]


def test_a_second_owner_is_refused_while_the_first_has_it(run: RunDirectory) -> None:
    with run.held():
        assert run.is_held()
        with pytest.raises(DemoRefused, match="already"), RunDirectory(run.root).held():
            pass
        assert run.is_held()
    assert not run.is_held()
    assert not run.lock.exists()
    with run.held():
        pass


def test_the_lock_ends_with_a_killed_owner(run: RunDirectory) -> None:
    command = [sys.executable, "-c", HOLDING, str(run.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        assert run.is_held()
        owner.kill()
        owner.wait()
    assert run.lock.exists(), "nobody tidied up, and yet"
    assert not run.is_held()
    with run.held():
        pass


def test_a_child_does_not_inherit_the_lock(run: RunDirectory) -> None:
    with run.held():
        child = subprocess.Popen(
            ["/bin/sh", "-c", "echo up; cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
    with child:
        assert child.poll() is None
        assert not run.is_held()


def test_it_is_private_and_starts_empty(run: RunDirectory) -> None:
    with run.held():
        run.write_private(run.context, "secret")
        (run.redis / "appendonly").touch()
        (run.logs / "opa.log").touch()
        assert stat.S_IMODE(run.root.stat().st_mode) == 0o700
        assert stat.S_IMODE(run.context.stat().st_mode) == 0o600
    assert not run.context.exists()
    assert (run.logs / "opa.log").exists(), "logs are for reading afterwards"
    run.root.chmod(0o755)
    with run.held():
        assert stat.S_IMODE(run.root.stat().st_mode) == 0o700
        assert not list(run.redis.iterdir())
        assert not list(run.logs.iterdir())


def test_a_private_file_is_never_written_into_one_that_is_there(run: RunDirectory) -> None:
    with run.held():
        run.context.touch(mode=0o644)
        with pytest.raises(FileExistsError):
            run.write_private(run.context, "secret")


def test_somebody_elses_place_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    run.root.symlink_to(tmp_path)
    with pytest.raises(DemoRefused, match="is not a directory of this account"), run.held():
        pass
    assert not list(tmp_path.iterdir())


def test_a_path_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with pytest.raises(DemoRefused, match="set RUN_DIR to a shorter one"), RunDirectory(deep).held():
        pass


def test_the_environment_chooses_the_place(tmp_path: Path) -> None:
    assert run_directory({"RUN_DIR": str(tmp_path)}).root == tmp_path
    assert run_directory({}).root == checkout() / ".run"
    assert (checkout() / "policies").is_dir()
