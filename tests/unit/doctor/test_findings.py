from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from authz.services.doctor.check_server import (
    CertificateFacts,
    EndpointFacts,
    judge_certificates,
    judge_endpoints,
)
from authz.services.doctor.finding import Finding, Severity
from authz.services.doctor.opa import judge_opa
from authz.services.doctor.redis import judge_redis
from authz.services.doctor.settings import judge_settings
from tests.unit.doctor.cases import (
    CERTIFICATES,
    ENDPOINTS,
    GOOD_OPA,
    GOOD_REDIS,
    GOOD_SETTINGS,
    NOW,
    OPA,
    REDIS,
    SETTINGS,
    Case,
)


def codes(findings: Iterable[Finding]) -> set[str]:
    return {finding.code for finding in findings}


def test_good_facts_bring_nothing_but_ok() -> None:
    found = [*judge_settings(GOOD_SETTINGS), *judge_opa(GOOD_OPA), *judge_redis(GOOD_REDIS)]
    assert {finding.severity for finding in found} == {Severity.OK}


@pytest.mark.parametrize("bad", SETTINGS, ids=str)
def test_each_setting_that_is_wrong_is_named_and_nothing_else(bad: Case) -> None:
    assert codes(judge_settings(replace(GOOD_SETTINGS, **bad.change))) == {"settings-read"} | bad.adds


@pytest.mark.parametrize("bad", OPA, ids=str)
def test_each_fault_of_opa_is_named_and_nothing_else(bad: Case) -> None:
    assert codes(judge_opa(replace(GOOD_OPA, **bad.change))) == {"opa-answers"} | bad.adds


@pytest.mark.parametrize("bad", REDIS, ids=str)
def test_each_fault_of_redis_is_named_and_nothing_else(bad: Case) -> None:
    assert codes(judge_redis(replace(GOOD_REDIS, **bad.change))) == {"redis-answers"} | bad.adds


def test_what_is_not_reached_is_said_to_be_that_and_nothing_more() -> None:
    opa = list(judge_opa(replace(GOOD_OPA, trouble="OPA did not answer.", decision_defined=False)))
    redis = list(judge_redis(replace(GOOD_REDIS, trouble="Redis did not answer.", info={})))
    assert [finding.code for finding in (*opa, *redis)] == ["opa-unreachable", "redis-unreachable"]
    assert all(finding.unreachable and finding.severity is Severity.ERROR for finding in (*opa, *redis))


@pytest.mark.parametrize(("code", "facts"), ENDPOINTS)
def test_each_answer_of_an_endpoint_has_its_code(code: str, facts: EndpointFacts) -> None:
    assert codes(judge_endpoints([facts])) == {code}


@pytest.mark.parametrize(("expected", "facts"), CERTIFICATES)
def test_certificates_are_judged_by_their_dates_and_names(
    expected: set[str], facts: CertificateFacts
) -> None:
    assert codes(judge_certificates([facts], NOW)) == expected


def test_links_to_this_machine_are_fine_where_nobody_else_is() -> None:
    alone = replace(
        GOOD_SETTINGS,
        public_url="http://127.0.0.1:8088",
        public_host_local=True,
        open_to_others=False,
        channels=frozenset(),
        routes={},
    )
    assert codes(judge_settings(alone)) == {"settings-read"}


def test_a_shared_principal_may_come_from_any_token() -> None:
    assert "shared-principal-unmatched" not in codes(judge_settings(GOOD_SETTINGS))


def test_replicas_without_a_minimum_are_said_to_widen_the_window() -> None:
    info = {**GOOD_REDIS.info, "connected_slaves": "2"}
    cut_off = "goes on writing when it is cut off"
    (wide,) = (f for f in judge_redis(replace(GOOD_REDIS, info=info)) if f.code == "redis-failover")
    bounded = replace(GOOD_REDIS, info={**info, "min_slaves_good_slaves": "2"})
    (narrow,) = (f for f in judge_redis(bounded) if f.code == "redis-failover")
    assert cut_off in wide.problem
    assert cut_off not in narrow.problem
    assert "single-use grant could be used twice" in narrow.problem


def test_no_sentence_holds_a_key() -> None:
    for bad in SETTINGS:
        facts = replace(GOOD_SETTINGS, **bad.change)
        for finding in judge_settings(facts):
            for key in facts.keys:
                assert key.secret.hex() not in repr(finding)
                assert repr(key.secret)[2:-1] not in repr(finding)
        assert "secret" not in repr(facts)
