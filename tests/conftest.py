"""What holds for every test: one that needs a program from the system says so with a marker."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import Phase, settings

from tools import npm
from tools.system_packages import OPTIONAL, PACKAGES

# For mutation testing: the same examples for each mutant, so few that thousands of mutants take no day, and none
# made smaller, because nobody reads them.
settings.register_profile(
    "few", settings.get_profile("ci"), max_examples=25, phases=(Phase.explicit, Phase.reuse, Phase.generate)
)


def pytest_configure(config: pytest.Config) -> None:
    """Make a marker of each system package and of each optional program."""
    for marker, package in PACKAGES.items():
        config.addinivalue_line("markers", f"{marker}: needs {package.programs[0]} ({package.debian})")
    for program in OPTIONAL:
        config.addinivalue_line("markers", f"{program}: needs {program}, and is skipped without it")
    config.addinivalue_line(
        "markers", "card_renderer: needs what tools.npm fetches, and is skipped without it"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose program is missing, naming it; where CI=true, fail it if the program is a system package's."""
    optional = [name for name in OPTIONAL if item.get_closest_marker(name) and not shutil.which(name)]
    if optional:
        pytest.skip(f"optional, and not on PATH: {', '.join(optional)}")
    if item.get_closest_marker("card_renderer") and not npm.ready():
        pytest.skip(
            "optional, and not there: the card renderer, which `make test` fetches where there is npm"
        )
    missing = [
        package.debian
        for marker, package in PACKAGES.items()
        if item.get_closest_marker(marker) is not None and package.program() is None
    ]
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
