"""The README is what a newcomer trusts first, so what it shows has to be what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from authz.entrypoints.demo.ports import Ports
from authz.entrypoints.demo.story import STEPS

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO = (ROOT / "docs" / "demo.md").read_text(encoding="utf-8")


def block(language: str, containing: str) -> str:
    """Return the one code block in this language that has this text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    (found,) = (text for text in blocks if containing in text)
    return str(found)


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 150


def test_the_transcript_has_the_steps_of_the_walk() -> None:
    transcript = block("console", " 1. ")
    shown = re.findall(r"^ ?\d+\. .*$", transcript, re.MULTILINE)
    assert shown == [f"{number:2}. {step.title}" for number, step in enumerate(STEPS, 1)]
    assert f"All {len(STEPS)} steps answered as they should." in transcript


def test_the_rule_is_the_demos() -> None:
    assert block("rego", "hold contains") in (ROOT / "policies/demo/resources.rego").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("page", ["README.md", "docs/demo.md"])
def test_every_link_within_the_project_leads_somewhere(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(((?!https?:)[^)#]+)", path.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_guide_names_every_port_with_its_variable() -> None:
    for variable, port in Ports().named().items():
        assert f"`{variable}`" in DEMO
        assert str(port) in DEMO


def test_the_guide_knows_the_people() -> None:
    people = json.loads((ROOT / "policies/demo/data.json").read_text(encoding="utf-8"))["directory"]["people"]
    for name, person in people.items():
        assert f"| {name} | {', '.join(person['groups'])} |" in DEMO
