from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from authz.adapters.envoy_config.comments import COMMENTS, SPELLED_OUT
from authz.adapters.envoy_config.render import Form, What, render
from tests.unit.envoy_config.plans import every_kind

KINDS = every_kind(Path("/pem"))
BOTH: tuple[What, ...] = get_args(What)


@cache
def printed(kind: str, what: What, form: Form = "yaml") -> str:
    return render(KINDS[kind], what, form)


def document(kind: str, what: What) -> Any:  # noqa: ANN401 - JSON
    return json.loads(printed(kind, what, "json"))


@pytest.mark.parametrize("what", BOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_yaml_and_json_hold_the_same(kind: str, what: What) -> None:
    text = printed(kind, what)
    assert yaml.safe_load(text) == document(kind, what)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert not re.search(r"[ \t]$", text, re.MULTILINE)


def words(text: str) -> str:
    return " ".join(
        re.sub(r"^ *# ?", "", line) for line in text.splitlines() if line.lstrip().startswith("#")
    )


def test_every_comment_is_used_somewhere() -> None:
    said = " ".join(words(printed(kind, what)) for kind in KINDS for what in BOTH)
    said = re.sub(r"\s+", " ", said)
    assert [key for key, text in COMMENTS.items() if re.sub(r"\s+", " ", text) not in said] == []


def test_a_comment_stands_right_before_what_it_is_about() -> None:
    lines = printed("plain", "bootstrap").splitlines()
    before = lines[lines.index(next(line for line in lines if "failure_mode_allow:" in line)) - 1]
    assert before.strip() == "# No answer is no permission."


@pytest.mark.parametrize(
    "line",
    [
        "failure_mode_allow: false",
        "clear_route_cache: false",
        "forward_client_cert_details: SANITIZE",
        "value: 0.0",
    ],
)
def test_defaults_that_the_gate_depends_on_are_spelled_out(line: str) -> None:
    assert any(line.startswith(name.rpartition("/")[2]) for name in SPELLED_OUT)
    assert line in [each.strip() for each in printed("plain", "bootstrap").splitlines()]


def find(node: Any, key: str) -> list[Any]:  # noqa: ANN401 - JSON
    """Return every value under a key, wherever it stands."""
    if isinstance(node, list):
        return [found for item in node for found in find(item, key)]
    if isinstance(node, dict):
        return [value for name, value in node.items() if name == key] + find(list(node.values()), key)
    return []


@pytest.mark.parametrize("what", BOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_no_variant_can_multiply_a_request(kind: str, what: What) -> None:
    routes = find(document(kind, what), "route")
    assert routes
    for name in ("retry_policy", "request_mirror_policies", "hedge_policy", "internal_redirect_policy"):
        assert not find(routes, name)
    assert not find(document(kind, what), "upgrade_configs")


@pytest.mark.parametrize("what", BOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_every_variant_exempts_the_ticket_status_and_nothing_else(kind: str, what: What) -> None:
    assert find(document(kind, what), "disabled") == [True]


@pytest.mark.parametrize("kind", KINDS)
def test_the_buffers_of_every_variant_can_hold_what_is_shown(kind: str) -> None:
    for what in BOTH:
        whole = document(kind, what)
        (window,) = find(whole, "initial_stream_window_size")
        listener = whole["static_resources"]["listeners"][0] if what == "bootstrap" else whole["listener"]
        for shown in find(whole, "max_request_bytes"):
            assert shown == KINDS[kind].body_limit
            assert shown <= min(window, listener["per_connection_buffer_limit_bytes"])


def test_a_field_with_a_digit_in_its_name_is_written_as_envoy_reads_it() -> None:
    assert find(document("workers", "bootstrap"), "consecutive_5xx") == [5, 5]


def test_a_lone_worker_is_never_ejected() -> None:
    assert find(document("plain", "bootstrap"), "outlier_detection") == []
    assert find(document("workers", "bootstrap"), "max_ejection_percent") == [50, 50]


def test_without_a_body_limit_no_body_is_asked_for() -> None:
    assert find(document("no body", "bootstrap"), "with_request_body") == []


@pytest.mark.parametrize("what", BOTH)
def test_filters_stand_in_their_order(what: What) -> None:
    names = ["envoy.filters.http.jwt_authn", "envoy.filters.http.ext_authz", "envoy.filters.http.router"]
    for kind, first in (("tokens", []), ("pages", ["envoy.filters.http.cors"])):
        (filters,) = find(document(kind, what), "http_filters")
        assert [each["name"] for each in filters] == first + names


@pytest.mark.parametrize("what", BOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_asked_of_waiting_routes_is_what_is_asked_of_all_but_for_time_and_cluster(
    kind: str, what: What
) -> None:
    (general, *own) = sorted(
        find(document(kind, what), "grpc_service"), key=lambda each: float(each["timeout"][:-1])
    )
    wait = KINDS[kind].wait
    assert bool(own) is (wait is not None)
    for each in own:
        assert wait is not None
        assert each["timeout"] == f"{wait.longest + KINDS[kind].check_timeout:.3f}s"
        assert each["envoy_grpc"]["cluster_name"] == "holdgate_wait"
        same = {**general["envoy_grpc"], "cluster_name": "holdgate_wait"}
        assert each == {**general, "timeout": each["timeout"], "envoy_grpc": same}


@pytest.mark.parametrize("kind", KINDS)
def test_the_clusters_of_the_check_server_differ_in_name_and_room_alone(kind: str) -> None:
    clusters = {each["name"]: each for each in document(kind, "bootstrap")["static_resources"]["clusters"]}
    plan = KINDS[kind]
    plain, apart = clusters["holdgate_check"], clusters.get("holdgate_wait")
    assert (apart is None) is (plan.wait is None)
    if apart is None or plan.wait is None:
        return
    (room,) = apart["circuit_breakers"]["thresholds"]
    whole = plan.max_checks + plan.wait.waiters
    assert room["max_requests"] == room["max_connections"] == room["max_pending_requests"] == whole
    for each in (plain, apart):
        for own in ("name", "circuit_breakers"):
            each.pop(own)
        each["load_assignment"].pop("cluster_name")
    assert plain == apart


def test_the_wish_to_wait_leads_to_the_route_right_after_it() -> None:
    routes = find(document("waiting paths", "bootstrap"), "routes")[0]
    names = ["ticket_status", "gated_waiting /deploy/", "gated_waiting /v1/keys", "gated_waiting", "gated"]
    assert [each["name"] for each in routes] == names
    wished, plain = routes[-2:]
    wished["match"].pop("headers")
    for each, own in ((wished, "typed_per_filter_config"), (wished, "name"), (plain, "name")):
        each.pop(own)
    assert wished == plain


def test_there_are_client_connections_for_all_who_wait() -> None:
    for kind, most in (("no waiting", 10_000), ("waiting paths", 10_005)):
        assert find(document(kind, "bootstrap"), "max_active_downstream_connections") == [str(most)]
