"""What becomes of tests that need a program which isn't there."""

from __future__ import annotations

import pytest

from tests.conftest import pytest_runtest_setup
from tools.system_packages import PACKAGES, SystemPackage


@pytest.fixture
def needy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> pytest.Item:
    """Return a test that needs Chromium, on a machine without."""
    monkeypatch.setitem(PACKAGES, "chromium", SystemPackage("chromium", ("no-such-program",)))
    request.node.add_marker("chromium")
    assert isinstance(request.node, pytest.Item)
    return request.node


def test_it_is_skipped_with_the_package_named(needy: pytest.Item, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="not installed: chromium"):
        pytest_runtest_setup(needy)


def test_on_ci_it_fails(needy: pytest.Item, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="not installed: chromium"):
        pytest_runtest_setup(needy)


def test_with_the_program_it_runs(needy: pytest.Item, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, "chromium", SystemPackage("chromium", ("no-such-program", "sh")))

    pytest_runtest_setup(needy)


@pytest.mark.parametrize("ci", ["true", ""])
def test_an_optional_program_is_never_missed(
    ci: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("tests.conftest.OPTIONAL", ("no-such-program",))
    item = request.node
    assert isinstance(item, pytest.Item)
    pytest_runtest_setup(item)  # the control: it doesn't need the program
    monkeypatch.setattr(item, "get_closest_marker", lambda name: name == "no-such-program" or None)

    with pytest.raises(pytest.skip.Exception, match="not on PATH: no-such-program"):
        pytest_runtest_setup(item)
