"""Our definition of ext_authz against Envoy's own, as PyPI's xds-protos ships it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from tests.contract.wire import descriptors
from tests.contract.wire.comparison import differences
from tests.contract.wire.descriptors import Tree, describe

XDS_PYTHON = Path(__file__).parents[3] / ".tools" / "xds" / "bin" / "python"

LEFT_OUT = {
    "OkHttpResponse.dynamic_metadata": "deprecated for that of CheckResponse, which denials can carry, too",
}


@pytest.fixture(scope="module")
def upstream() -> Tree:
    if not XDS_PYTHON.exists():
        pytest.fail("Envoy's definitions are not installed: run `make setup`.", pytrace=False)
    script = [descriptors.__file__, "envoy.service.auth.v3.external_auth_pb2", "Authorization"]
    # Isolated (-I): the working copy's own envoy/ folder must not stand in for the package of that name.
    printed = subprocess.run([str(XDS_PYTHON), "-I", *script], capture_output=True, check=True, timeout=30)
    return cast("Tree", json.loads(printed.stdout))


@pytest.fixture
def ours() -> Tree:
    # Through JSON, as upstream's came: then a list is a list on both sides.
    return cast("Tree", json.loads(json.dumps(describe("authz.wire.ext_authz_pb2", "Authorization"))))


def test_every_field_is_as_envoy_defines_it(upstream: Tree, ours: Tree) -> None:
    assert differences(upstream, ours, LEFT_OUT) == []


def test_the_comparison_reaches_the_whole_tree(upstream: Tree) -> None:
    messages, enums = upstream["messages"], upstream["enums"]

    assert list(upstream["methods"]) == ["/envoy.service.auth.v3.Authorization/Check"]
    assert {
        "AttributeContext.HttpRequest",
        "EnvoyInternalAddress",
        "HeaderValue",
        "QueryParameter",
    } <= messages.keys()
    assert {"StatusCode", "SocketAddress.Protocol", "HeaderValueOption.HeaderAppendAction"} == enums.keys()
    assert messages["AttributeContext.HttpRequest"]["raw_body"]["number"] == 12


def _rename_path(tree: Tree) -> None:
    tree["methods"]["/holdgate.Authorization/Check"] = tree["methods"].popitem()[1]


def _drop_field(tree: Tree) -> None:
    del tree["messages"]["CheckResponse"]["dynamic_metadata"]


def _add_field(tree: Tree) -> None:
    fields = tree["messages"]["CheckRequest"]
    fields["extra"] = fields["attributes"]


def _drop_message(tree: Tree) -> None:
    del tree["messages"]["Pipe"]


def _drop_enum_value(tree: Tree) -> None:
    del tree["enums"]["StatusCode"]["Accepted"]


def _alter(message: str, field: str, aspect: str, value: object) -> Callable[[Tree], None]:
    def altered(tree: Tree) -> None:
        assert tree["messages"][message][field][aspect] != value
        tree["messages"][message][field][aspect] = value

    return altered


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        pytest.param(
            _alter("HeaderValueOption", "append", "number", 7), "HeaderValueOption.append", id="number"
        ),
        pytest.param(_alter("HeaderValue", "raw_value", "kind", 9), "HeaderValue.raw_value", id="kind"),
        pytest.param(
            _alter("CheckResponse", "error_response", "type", "HttpStatus"), "error_response", id="type"
        ),
        pytest.param(
            _alter("HeaderMap", "headers", "repeated", value=False), "HeaderMap.headers", id="label"
        ),
        pytest.param(_alter("CheckResponse", "ok_response", "oneof", None), "ok_response", id="oneof"),
        pytest.param(
            _rename_path, "/envoy.service.auth.v3.Authorization/Check is missing", id="service path"
        ),
        pytest.param(_drop_field, "CheckResponse.dynamic_metadata is missing", id="field dropped"),
        pytest.param(_add_field, "CheckRequest.extra is ours alone", id="field added"),
        pytest.param(_drop_message, "message Pipe is missing", id="message dropped"),
        pytest.param(_drop_enum_value, "enum StatusCode", id="enum value"),
    ],
)
def test_a_difference_is_caught(
    upstream: Tree, ours: Tree, break_it: Callable[[Tree], None], named: str
) -> None:
    """Control: a comparison that sees nothing would agree with everything."""
    break_it(ours)

    assert named in " ".join(differences(upstream, ours, LEFT_OUT))


def test_a_field_that_is_there_cannot_stay_excused(upstream: Tree, ours: Tree) -> None:
    excused = {**LEFT_OUT, "CheckRequest.attributes": "not really"}

    assert differences(upstream, ours, excused) == ["field CheckRequest.attributes is not left out"]
