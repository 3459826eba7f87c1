"""Holdgate answers as the OPA Envoy plugin was observed to, or differs for a reason that the documentation gives."""

from __future__ import annotations

import pytest

from tests.contract.plugin.answer import plain
from tests.contract.plugin.case import HERE, Case, cases
from tests.contract.plugin.conftest import Servers

ALL = list(cases())
PAGE = HERE.parents[2] / "docs" / "compatibility.md"


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_the_answer_is_the_plugins(servers: Servers, case: Case) -> None:
    """And each says in its dynamic metadata what was decided, under an id."""
    response = servers.asking(case.configuration).ask(case.request)
    assert response is not None
    assert plain(response) == case.expected
    assert response.dynamic_metadata["decision_id"]
    assert response.dynamic_metadata["decision"]


def test_there_are_enough_cases_and_each_has_a_name_of_its_own() -> None:
    """A case that another one hides is no case."""
    assert len({case.name for case in ALL}) == len(ALL) >= 150


def test_every_difference_is_one_and_has_its_reason_on_the_page() -> None:
    """Who comes from the plugin reads there what will be another way."""
    text = PAGE.read_text(encoding="utf-8")
    for case in ALL:
        assert (case.expected != case.observed) is bool(case.reason), case.name
        assert f'<a id="{case.reason}">' in text or not case.reason, case.name
