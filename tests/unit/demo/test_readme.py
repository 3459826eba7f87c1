"""The README is what a newcomer trusts first, so what it shows has to be what there is."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from authz.entrypoints.demo.ports import Ports
from authz.entrypoints.demo.story import STEPS

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO = (ROOT / "docs" / "demo.md").read_text(encoding="utf-8")
REACHED_FROM_OTHERS = {"docs/compatibility-envoy.md"}
"""Pages that only those who read another page look for."""


def block(language: str, containing: str) -> str:
    """Return the one code block in this language that has this text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    (found,) = (text for text in blocks if containing in text)
    return str(found)


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 150


def test_it_has_one_diagram_that_a_code_host_draws() -> None:
    """Mermaid; each arrow leads between parts that are drawn."""
    (diagram,) = re.findall(r"```mermaid\n(.*?)```", README, re.DOTALL)
    first, *lines = diagram.splitlines()
    assert first == "flowchart LR"
    parts = set(re.findall(r"\b(\w+)(?:\[\(?[^\]]+\)?\])", diagram))
    arrow = re.compile(
        r"    (\w+)(?:\[.+?\])? (?:-- [^-]+ -->|-- \"[^\"]+\" -->|-->|-\. \w+ \.->) (\w+)(?:\[.+?\])?"
    )
    arrows = [found.groups() for line in lines if (found := arrow.fullmatch(line))]
    assert len(arrows) == len(lines)
    assert {end for ends in arrows for end in ends} == parts


def test_its_two_commands_are_targets_that_take_them() -> None:
    commands = re.findall(r"^\$ (make [^#\n]*?) +#", README, re.MULTILINE)
    assert commands == ["make run", "make run ARGS=--once"]
    planned = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *commands[1].split()[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert planned.splitlines()[-1] == ".venv/bin/holdgate demo --once"


def test_no_page_is_listed_twice() -> None:
    pages = re.findall(r"\]\((docs/[^)#]+)\)", README.partition("## Where to go next")[2])
    assert len(pages) == len(set(pages))
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} - set(pages) <= REACHED_FROM_OTHERS


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
