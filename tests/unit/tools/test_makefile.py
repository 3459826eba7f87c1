"""macOS has GNU Make 3.81 and bash 3.2; neither the Makefile nor the scripts may need newer ones."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPTS = [ROOT / ".ci" / "run", ROOT / "tools" / "find-python"]

# What came after, by the release notes of GNU Make and of bash.
SINCE_MAKE_3_82 = {
    "one shell for a recipe": (r"^\.ONESHELL", ".ONESHELL:"),
    "flags of the shell": (r"\.SHELLFLAGS", ".SHELLFLAGS = -e"),
    "another prefix": (r"\.RECIPEPREFIX", ".RECIPEPREFIX = >"),
    "define with =": (r"^define \S+ *[:?+]?=", "define CHECKS ="),
    "undefine": (r"^(override )?undefine ", "undefine X"),
    "private": (r"^(\S+: *)?private ", "a: private X = 1"),
    "!=": (r"^\S+ *!=", "X != date"),
    "::=": (r"^\S+ *:{2,3}=", "X ::= 1"),
    "file": (r"\$[({]file ", "$(file >x,y)"),
    "guile": (r"\$[({]guile ", "$(guile 1)"),
    "let and intcmp": (r"\$[({](let|intcmp) ", "$(let a,b,c)"),
    "grouped targets": (r"^[^\t#=]+ *&:", "a b &: c"),
    "-load": (r"^-?load ", "load x.so"),
}
SINCE_BASH_4 = {
    "maps": (r"(declare|local|typeset) -[a-z]*[AnlugG]", "declare -A x"),
    "mapfile": (r"\b(mapfile|readarray)\b", "mapfile -t x"),
    "other letters": (r"\$\{\w+(\[.\])?(\^|,)", "${x,,}"),
    "transformations": (r"\$\{\w+@", "${x@Q}"),
    "both streams": (r"\|&|&>>", "a |& b"),
    "falling through": (r";&|;;&", "a) b ;;&"),
    "coproc": (r"\bcoproc\b", "coproc a"),
    "globstar": (r"globstar|lastpipe|inherit_errexit", "shopt -s globstar"),
    "negative subscripts": (r"\$\{\w+\[-", "${x[-1]}"),
    "wait for any": (r"\bwait -n", "wait -n"),
}


def newer(text: str, features: dict[str, tuple[str, str]]) -> list[str]:
    """Return the names of the features that a text uses."""
    return [name for name, (pattern, _) in features.items() if re.search(pattern, text, re.MULTILINE)]


def test_the_makefile_needs_nothing_newer_than_3_81() -> None:
    assert newer((ROOT / "Makefile").read_text("utf-8"), SINCE_MAKE_3_82) == []


def test_scripts_and_recipes_need_no_newer_bash_than_3_2() -> None:
    for path in [ROOT / "Makefile", *SCRIPTS]:
        assert newer(path.read_text("utf-8"), SINCE_BASH_4) == [], path


@pytest.mark.parametrize(
    ("features", "name"),
    [(each, name) for each in (SINCE_MAKE_3_82, SINCE_BASH_4) for name in each],
)
def test_what_is_newer_would_be_found(features: dict[str, tuple[str, str]], name: str) -> None:
    assert name in newer(f"first\n{features[name][1]}\n", features)


def test_help_says_what_each_target_does() -> None:
    said = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    described = re.findall(r"^make (\S+) +\S", said.stdout, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert phony
    assert sorted(described) == sorted(phony[1].split())


@pytest.mark.parametrize("status", [0, 2])
def test_ci_runs_make_test_wherever_it_is_called_from(status: int, tmp_path: Path) -> None:
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\npwd\necho "$@"\nexit {status}\n', "utf-8")
    make.chmod(0o755)
    ran = subprocess.run(
        [ROOT / ".ci" / "run"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == status
    assert ran.stdout.splitlines() == [str(ROOT), "test"]
