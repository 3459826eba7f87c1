"""A bootstrap in the form in which Envoy's config_dump shows it."""

from __future__ import annotations

from tests.e2e.envoy_config.stack import Document

_ADMIN = "type.googleapis.com/envoy.admin.v3"


def as_dump(bootstrap: Document) -> Document:
    resources = bootstrap["static_resources"]
    version = {"major_number": 1, "minor_number": 40}
    node = {"user_agent_build_version": {"version": version}}
    return {
        "configs": [
            {"@type": f"{_ADMIN}.BootstrapConfigDump", "bootstrap": {**bootstrap, "node": node}},
            {
                "@type": f"{_ADMIN}.ClustersConfigDump",
                "static_clusters": [{"cluster": each} for each in resources["clusters"]],
            },
            {
                "@type": f"{_ADMIN}.ListenersConfigDump",
                "static_listeners": [{"listener": each} for each in resources["listeners"]],
            },
        ]
    }
