from __future__ import annotations

import re

import pytest

from authz.entrypoints.demo.story import STEPS
from tests.e2e.demo.running import ROOT, Place, RunningDemo
from tests.unit.demo.processes import gone_within

pytestmark = pytest.mark.timeout(150)

NO_PROXY_HERE = "http://127.0.0.1:1"


def test_the_whole_story_comes_true_and_leaves_nothing(place: Place) -> None:
    # Whoever has a proxy for other people's servers can run the demo, too; nobody answers at this one.
    place.environ.update(HTTP_PROXY=NO_PROXY_HERE, http_proxy=NO_PROXY_HERE)
    with place.demo("--once") as demo:
        demo.until_said(STEPS[0].title)
        code, _ = demo.ended()
        said = demo.output.read_text()
    assert code == 0, said
    positions = [said.index(f"{number:2}. {step.title}") for number, step in enumerate(STEPS, 1)]
    assert positions == sorted(positions)
    assert f"All {len(STEPS)} steps answered as they should." in said
    assert_nothing_left(place, demo)
    rest = iter(without_names(said).splitlines())
    for line in without_names(transcript()).splitlines():
        if line.strip() != "…":
            assert line in rest, f"the README shows {line!r}, which this run didn't print in that place"


def test_a_rule_that_no_longer_holds_makes_the_walk_fail(place: Place) -> None:
    """The control: the walk sees when the stack doesn't do what it tells."""
    rules = place.policies / "demo" / "resources.rego"
    holding = rules.read_text()
    assert "hold contains " in holding
    rules.write_text(holding.replace("hold contains ", "unused contains "))
    with place.demo("--once") as demo:
        code, _ = demo.ended()
        said = demo.output.read_text()
    assert code == 1
    assert "wrong status" in said
    assert "expected: 202" in said
    assert "got:      403" in said
    assert f"Step 3 of {len(STEPS)} went wrong; {len(STEPS) - 3} more were not tried." in said
    assert_nothing_left(place, demo)


def transcript() -> str:
    """Return the README's transcript."""
    blocks = (ROOT / "README.md").read_text(encoding="utf-8").split("```")
    return next(block for block in blocks if "\n 1. " in block).partition("\n")[2]


def without_names(text: str) -> str:
    """Replace what differs from run to run: ids, codes, ports."""
    for pattern, name in (
        (r"0-[a-z2-7]{5}…", "ID"),
        (r"\b[A-Z0-9]{3}-[A-Z0-9]{3}\b", "CODE"),
        (r"(127\.0\.0\.1):\d+", r"\1"),
    ):
        text = re.sub(pattern, name, text)
    return text


def assert_nothing_left(place: Place, demo: RunningDemo) -> None:
    assert gone_within(demo.children, 1), demo.children
    assert not list(place.run.sockets.iterdir())
    assert not place.run.is_held()
    assert not place.run.signing_key.exists()
    assert not place.run.context.exists()
