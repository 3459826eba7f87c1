from __future__ import annotations

from pathlib import Path

import pytest

from authz.adapters.envoy_config.render import What, render
from tests.unit.envoy_config.plans import plan

EXAMPLES = Path(__file__).parents[3] / "envoy"


@pytest.mark.parametrize(
    ("name", "what", "command"),
    [
        ("bootstrap.yaml", "bootstrap", "holdgate envoy-config > envoy/bootstrap.yaml"),
        ("filter.yaml", "fragment", "holdgate envoy-config --fragment > envoy/filter.yaml"),
    ],
)
def test_a_shipped_example_is_what_the_command_prints(name: str, what: What, command: str) -> None:
    assert (EXAMPLES / name).read_text() == render(plan(), what, "yaml"), f"print it again: {command}"
