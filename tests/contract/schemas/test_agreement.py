"""The published schema and Holdgate's own reading agree on what a policy may demand."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from authz.domain import requirement_parser
from authz.domain.errors import PolicyMalformed
from authz.domain.limits import RequirementLimits
from authz.domain.requirement_parser import RequirementDefaults
from tests.contract.schemas import documents
from tests.contract.schemas.judging import (
    DIFFERENCES,
    disagreement,
    judge,
    read_break_glass,
    read_demand,
    read_result,
    schema,
)

PUBLISHED = schema("approval", "demands")
DEMANDS = judge(PUBLISHED)
BREAK_GLASS = judge(schema("approval", "break_glass"))
RESULT = judge(schema("result"))
AT_LENGTH = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@AT_LENGTH
@given(documents.demands)
def test_both_take_a_sound_demand(demand: object) -> None:
    assert DEMANDS.is_valid(demand)
    assert disagreement(demand, DEMANDS, read_demand) is None


@AT_LENGTH
@given(documents.changed(documents.demands))
def test_both_agree_on_a_changed_demand(demand: object) -> None:
    assert disagreement(demand, DEMANDS, read_demand) is None


@AT_LENGTH
@given(documents.break_glass)
def test_both_take_a_sound_break_glass(approval: object) -> None:
    assert BREAK_GLASS.is_valid(approval)
    assert disagreement(approval, BREAK_GLASS, read_break_glass) is None


@AT_LENGTH
@given(documents.changed(documents.break_glass))
def test_both_agree_on_a_changed_break_glass(approval: object) -> None:
    assert disagreement(approval, BREAK_GLASS, read_break_glass) is None


@AT_LENGTH
@given(documents.results)
def test_both_take_a_sound_result(result: object) -> None:
    assert RESULT.is_valid(result)
    assert disagreement(result, RESULT, read_result) is None


@AT_LENGTH
@given(documents.changed(documents.results))
def test_both_agree_on_a_changed_result(result: object) -> None:
    assert disagreement(result, RESULT, read_result) is None


@pytest.mark.parametrize("value", documents.ODD, ids=lambda value: repr(value)[:30])
def test_both_agree_on_every_odd_value_of_every_key(value: object) -> None:
    """In every place of a demand, so that no place depends on being drawn."""
    whole: dict[str, Any] = {
        "rule": "r",
        "approvers": [{"group": "a", "count": 1}, {"user": {"ns": "n", "id": "i"}}, {"any": True}],
        "grant": {"uses": 1, "valid_for": "1m"},
        "bind": {"headers": ["x-a"], "body": {"ignore": ["/a"]}},
        "escalate": {"after": "1m", "notify": "default"},
        "show": [{"title": "a", "value": "b"}],
        "cc": ["default"],
        **dict.fromkeys(("expires_in", "remind_after", "wait"), "1m"),
        "reason": "",
        "notify": "default",
        "risk": "high",
        "justification": "required",
        "redeem": "repeat",
    }
    assert DEMANDS.is_valid(whole)
    read_demand(whole)
    places = len(list(documents._places(whole)))
    for place in range(places):
        changed = copy.deepcopy(whole)
        holder, key = list(documents._places(changed))[place]
        holder[key] = value
        assert disagreement(changed, DEMANDS, read_demand) is None, changed
        for word in documents.WORDS if isinstance(holder, dict) and value is None else ():
            added = copy.deepcopy(whole)
            list(documents._places(added))[place][0].setdefault(word, "1m")
            assert disagreement(added, DEMANDS, read_demand) is None, added


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_a_listed_difference_is_one(difference: str) -> None:
    """What no schema can say: it takes the example, and Holdgate refuses it for the reason given."""
    said, document = DIFFERENCES[difference]
    assert isinstance(document, dict)
    result = document if "allowed" in document else {"allowed": False, "approval": document}
    assert RESULT.is_valid(result)
    with pytest.raises(PolicyMalformed, match=said):
        read_result(result)


def test_a_schema_that_lacks_a_key_would_be_noticed() -> None:
    """Control: the comparison does compare."""
    lacking = copy.deepcopy(PUBLISHED)
    del lacking["$defs"]["demand"]["properties"]["risk"]
    found = disagreement({"rule": "r", "risk": "high"}, judge(lacking), read_demand)
    assert found == "Holdgate takes what the schema refuses"


def test_a_parser_that_lacks_a_key_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the other way round."""
    monkeypatch.setattr(requirement_parser, "_KEYS", requirement_parser._KEYS - {"risk"})
    found = disagreement({"rule": "r", "risk": "high"}, DEMANDS, read_demand)
    assert (
        found
        == "the schema takes what Holdgate refuses: rule r: approval: unknown ['risk']; known are "
        + str(sorted(requirement_parser._KEYS))
    )


def test_the_defaults_that_the_schema_names_are_holdgates() -> None:
    """For documentation: nothing is filled in from a schema."""
    properties = PUBLISHED["$defs"]["demand"]["properties"]
    defaults = {key: value["default"] for key, value in properties.items() if "default" in value}
    spelt = read_demand(
        {"rule": "r", **defaults, "grant": {"uses": 1, "valid_for": "15m"}, "bind": {"body": True}}
    )
    assert spelt == read_demand({"rule": "r"})
    assert PUBLISHED["$defs"]["grant"]["properties"]["valid_for"]["default"] == "15m"
    assert RequirementDefaults().uses == 1


def test_the_bounds_that_the_schema_names_are_holdgates() -> None:
    limits, definitions = RequirementLimits(), PUBLISHED["$defs"]
    demand = definitions["demand"]["properties"]
    body = definitions["bind"]["properties"]["body"]["anyOf"][1]
    assert limits.demands == definitions["demands"]["anyOf"][1]["maxItems"]
    assert limits.alternatives == definitions["approvers"]["anyOf"][1]["properties"]["one_of"]["maxItems"]
    assert limits.seats == definitions["seats"]["maxItems"] == definitions["count"]["maximum"]
    assert limits.text == definitions["text"]["maxLength"] == definitions["group"]["maxLength"]
    assert limits.show == demand["show"]["maxItems"]
    assert limits.routes == demand["cc"]["maxItems"]
    assert limits.uses == definitions["grant"]["properties"]["uses"]["maximum"]
    assert limits.bind_headers == definitions["bind"]["properties"]["headers"]["maxItems"]
    assert limits.body_ignores == body["properties"]["ignore"]["maxItems"]
    for milliseconds, described in (
        (limits.expires_in_ms, demand["expires_in"]),
        (limits.wait_ms, demand["wait"]),
        (limits.valid_for_ms, definitions["grant"]["properties"]["valid_for"]),
        (
            limits.review_within_ms,
            definitions["break_glass"]["properties"]["break_glass"]["properties"]["review_within"],
        ),
    ):
        found = re.search(r"at most (\d+)(h|m)\.", described["description"])
        assert found is not None
        assert int(found[1]) * {"h": 3_600_000, "m": 60_000}[found[2]] == milliseconds
