"""OPA's decision log has every decision and no secret of the request or the answer."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.policies.inputs import request
from tests.integration.policies.opa_server import RunningOpa, copy_policies, running_opa

# Each secret is a word of its own, so that a leak names its place.
SECRETS: Final = {
    "authorization": "hush-bearer",
    "Proxy-Authorization": "hush-proxy",
    "COOKIE": "hush-cookie",
    "Set-Cookie": "hush-set-cookie",
    "X-Approval-Ticket": "hush-ticket",
    "x_approval_receipt": "hush-receipt",
    "x-api-key": "hush-key",
    ":path": "/resources?hush-pseudo=1",
    "referer": "http://127.0.0.1/?hush-referer",
}
ANSWER_POLICY: Final = """package answering

result := {
	"allowed": false,
	"headers": {"Set-Cookie": "hush-answer-cookie", "location": "/login?hush-location"},
	"response_headers_to_add": [{"x-session-token": "hush-answer-header"}],
	"query_parameters_to_set": {"key": "hush-answer-query"},
	"body": "hush-answer-body",
}
"""
IN_ANSWER: Final = (
    "hush-answer-cookie",
    "hush-location",
    "hush-answer-header",
    "hush-answer-query",
    "hush-answer-body",
)


def raw(text: str) -> str:
    """Return a text as Envoy's raw values show it."""
    return b64encode(text.encode()).decode()


def secret_request() -> dict[str, Any]:
    """Return an input with a secret in every place that may have one."""
    document = request(
        "alice",
        "POST",
        "/resources?hush-query=hush-value",
        parsed_query={"hush-name": ["hush-parsed-query"]},
        parsed_body={"password": "hush-parsed-body", "nested": [{"deep": "hush-deep"}]},
    )
    http = document["attributes"]["request"]["http"]
    http |= {"body": "hush-body", "rawBody": raw("hush-raw-body"), "query": "hush-query-field"}
    http["headers"] |= SECRETS
    http["headerMap"] = {
        "headers": [
            {"key": "Authorization", "rawValue": raw("hush-raw-bearer")},
            {"key": "x-harmless", "value": "hush-raw-value"},
        ]
    }
    return document


IN_REQUEST: Final = (
    *(
        value.removeprefix("/resources?").removesuffix("=1").partition("?")[2] or value
        for value in SECRETS.values()
    ),
    "hush-query",
    "hush-value",
    "hush-name",
    "hush-parsed-query",
    "hush-parsed-body",
    "hush-deep",
    "hush-body",
    raw("hush-raw-body"),
    "hush-query-field",
    raw("hush-raw-bearer"),
    "hush-raw-value",
)


def logged_secrets(
    folder: Path, *, without: frozenset[str] = frozenset()
) -> tuple[str, list[dict[str, Any]]]:
    """Ask about the secrets and return OPA's whole log, and the records of the two decisions."""
    policies = copy_policies(folder)
    (policies / "demo" / "answering.rego").write_text(ANSWER_POLICY)
    with running_opa(folder, without=without) as opa:
        asked = [opa.ask("envoy/authz/allow", secret_request()), opa.ask("answering/result", {})]
        records = [opa.logged(answer["decision_id"]) for answer in asked]
    assert asked[1]["result"]["body"] == "hush-answer-body", "the mask is for the log, not for the answer"
    return opa.log.read_text(), records


def test_no_secret_reaches_the_log_and_every_decision_does(tmp_path: Path) -> None:
    """What can be logged safely still is."""
    log, (decision, answer) = logged_secrets(tmp_path)
    assert [secret for secret in (*IN_REQUEST, *IN_ANSWER) if secret in log] == []
    assert "hush" not in log
    http = decision["input"]["attributes"]["request"]["http"]
    assert http["path"] == "/resources?redacted"
    assert http["headers"] == {
        ":method": "POST",
        ":path": "/resources?redacted",
        "user-agent": "curl",
        "referer": "http://127.0.0.1/?redacted",
    }
    assert http["method"] == "POST"
    assert decision["input"]["parsed_path"] == ["resources"]
    assert decision["result"] == {
        "allowed": False,
        "headers": {"content-type": "application/problem+json"},
        "http_status": 403,
    }
    assert answer["result"] == {
        "allowed": False,
        "headers": {"location": "/login?redacted"},
        "response_headers_to_add": [{}],
    }


def test_without_the_mask_every_secret_is_in_the_log(tmp_path: Path) -> None:
    """The control: each of the secrets is one that OPA would have logged."""
    log, _ = logged_secrets(tmp_path, without=frozenset({"policies/opa"}))
    assert [secret for secret in (*IN_REQUEST, *IN_ANSWER) if secret not in log] == []


@pytest.mark.parametrize("odd", ["hush-text", ["hush-item"], 7, None], ids=["text", "list", "number", "null"])
def test_an_input_that_is_no_object_is_logged_without_it(demo: RunningOpa, odd: object) -> None:
    """What the mask doesn't know, it doesn't show."""
    record = demo.logged(demo.ask("envoy/authz/allow", odd)["decision_id"])
    assert "input" not in record
    assert "hush" not in json.dumps(record)


def test_a_mask_that_fails_keeps_the_decision_out_of_the_log(tmp_path: Path) -> None:
    """OPA rather loses a record than shows it unmasked; the answer is given all the same."""
    mask = copy_policies(tmp_path) / "opa" / "mask.rego"
    mask.write_text(f'{mask.read_text()}\nmask contains {{"op": "remove", "path": "no-slash"}}\n')
    with running_opa(tmp_path) as opa:
        assert opa.decide(secret_request())["allowed"] is False
        opa.wait_until(
            lambda: "Log event masking failed" in opa.log.read_text(), "the failed mask in the log"
        )
    assert "hush" not in opa.log.read_text()
