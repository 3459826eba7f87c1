"""Endpoints as Envoy's messages."""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import Address, Pipe, SocketAddress
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    Endpoint as EnvoyEndpoint,
)

from authz.adapters.envoy_config.endpoint import Endpoint, UnixEndpoint


def address(endpoint: Endpoint) -> Address:
    """Return `config.core.v3.Address` of an endpoint."""
    if isinstance(endpoint, UnixEndpoint):
        return Address(pipe=Pipe(path=endpoint.path))
    return Address(socket_address=SocketAddress(address=endpoint.host, port_value=endpoint.port))


def load_assignment(cluster: str, endpoints: tuple[Endpoint, ...]) -> ClusterLoadAssignment:
    """Return the endpoints of one cluster, all in one locality."""
    return ClusterLoadAssignment(
        cluster_name=cluster,
        endpoints=[
            LocalityLbEndpoints(
                lb_endpoints=[LbEndpoint(endpoint=EnvoyEndpoint(address=address(each))) for each in endpoints]
            )
        ],
    )
