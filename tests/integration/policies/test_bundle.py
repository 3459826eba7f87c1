"""`make bundle`: the library as a bundle that a real OPA loads beside somebody's own policy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from authz import __version__
from tests.integration.policies.guide import ROOT, block, blocks
from tests.integration.policies.opa_server import OpaFailed, RunningOpa, run_opa, running_opa

LIBRARY = {"approvals", "decision", "demands", "directory", "entries", "voting"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make bundle` builds it."""
    file = tmp_path_factory.mktemp("built") / "below" / "library.tar.gz"
    subprocess.run([sys.executable, "-m", "tools.bundle", str(file)], cwd=ROOT, check=True, timeout=50)
    return file


def test_the_makefile_builds_it_so() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "bundle", "ARGS=x.tar.gz"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        # Nothing of the make that may have started these tests.
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    )
    assert shown.stdout.decode().splitlines()[-1].endswith("python -m tools.bundle x.tar.gz")


def test_its_root_is_holdgate_and_its_revision_the_version(bundle: Path) -> None:
    inspected = json.loads(run_opa("inspect", "--format", "json", str(bundle)).stdout)
    assert inspected["manifest"]["roots"] == ["holdgate"]
    assert inspected["manifest"]["revision"] == __version__
    assert set(inspected["namespaces"]) - {"data"} == {f"data.holdgate.{name}" for name in LIBRARY}


def test_it_names_no_path_of_the_machine_that_built_it(bundle: Path) -> None:
    with tarfile.open(bundle) as archive:
        for member in archive.getmembers():
            assert member.name.lstrip("/").count("/") == 0
            content = archive.extractfile(member)
            assert content is not None
            assert str(ROOT).encode() not in content.read()


def test_a_real_opa_serves_it_beside_a_bundle_of_the_authors(bundle: Path, tmp_path: Path) -> None:
    """Both have roots of their own, so neither can write into the other."""
    with _opa_of_bundles(bundle, tmp_path, roots=["envoy", "directory"]) as opa:
        asked = json.loads(block("json input"))
        assert opa.decide(asked) == json.loads(block("json result"))
        vote = {"action": "audit", "actor": {"ns": "n", "id": "bob", "person": "bob", "groups": ["sre"]}}
        assert opa.ask("holdgate/voting/answer", vote)["result"]["allow"] is False
        who = {"ns": "https://issuer.example", "id": "alice"}
        assert opa.ask("holdgate/directory/person", who)["result"]["id"] == "alice"


def test_without_roots_the_bundles_would_be_one_anothers(bundle: Path, tmp_path: Path) -> None:
    """Control: OPA activates no two bundles of which one has a part of the other's root."""
    with (
        pytest.raises(OpaFailed, match="overlapping roots"),
        _opa_of_bundles(bundle, tmp_path, roots=["envoy", "directory", "holdgate/own"]),
    ):
        pass


@contextmanager
def _opa_of_bundles(bundle: Path, folder: Path, *, roots: list[str]) -> Iterator[RunningOpa]:
    own = folder / "own"
    own.mkdir()
    (own / "authz.rego").write_text(next(found.text for found in blocks() if found.label == "rego"))
    (own / "data.json").write_text(block("json data"))
    (own / ".manifest").write_text(json.dumps({"roots": roots, "rego_version": 1}))
    options = ["--skip-version-check", "--log-format", "json"]
    command = ["opa", "run", "--server", *options, "--bundle", str(bundle), str(own)]
    with running_opa(folder, command=command) as opa:
        yield opa
