from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from authz.entrypoints.demo.errors import DemoRefused
from authz.entrypoints.demo.ports import Ports, read_ports, refuse_taken
from tests.support.ports import free_port


@pytest.fixture
def ports() -> Ports:
    return Ports(*(free_port() for _ in Ports().named()))


def test_the_documented_ports_are_the_defaults() -> None:
    assert read_ports({}).named() == {
        "ENVOY_PORT": 10000,
        "ENVOY_ADMIN_PORT": 9901,
        "CHECK_PORT": 9191,
        "CONSOLE_PORT": 8088,
        "METRICS_PORT": 9464,
        "OPA_PORT": 8181,
    }


def test_a_variable_changes_its_port() -> None:
    assert read_ports({"CONSOLE_PORT": "8090"}) == replace(Ports(), console=8090)


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "80a", "²"])
def test_what_is_no_port_is_refused_by_name(text: str) -> None:
    with pytest.raises(DemoRefused, match=f"OPA_PORT={text} is not a port"):
        read_ports({"OPA_PORT": text})


def test_everything_wrong_is_named_at_once() -> None:
    with pytest.raises(DemoRefused) as refused:
        read_ports({"OPA_PORT": "none", "ENVOY_PORT": "9191"})
    assert refused.value.problems == (
        "OPA_PORT=none is not a port between 1 and 65535",
        "ENVOY_PORT and CHECK_PORT are both 9191; change one",
    )


def test_free_ports_are_good(ports: Ports) -> None:
    refuse_taken(ports)


def test_every_taken_port_is_named_with_its_variable(ports: Ports) -> None:
    with (
        socket.create_server(("127.0.0.1", ports.opa)),
        socket.create_server(("127.0.0.1", ports.metrics)),
        pytest.raises(DemoRefused) as refused,
    ):
        refuse_taken(ports)
    assert refused.value.problems == (
        f"port {ports.metrics} of 127.0.0.1 is taken; set METRICS_PORT to another",
        f"port {ports.opa} of 127.0.0.1 is taken; set OPA_PORT to another",
    )


def test_a_port_that_its_owner_would_share_is_taken(ports: Ports) -> None:
    """Envoy listens with SO_REUSEPORT by default: a second one would get half of the connections."""
    with socket.socket() as shared:
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind(("127.0.0.1", ports.envoy))
        shared.listen()
        with pytest.raises(DemoRefused, match="ENVOY_PORT"):
            refuse_taken(ports)
