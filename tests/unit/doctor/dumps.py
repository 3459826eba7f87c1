"""A bootstrap in the form in which Envoy's config_dump shows it, and what is said about it."""

from __future__ import annotations

from tests.e2e.doctor.documents import bootstrap_of, codes, judged
from tests.e2e.envoy_config.stack import Document

ADMIN = "type.googleapis.com/envoy.admin.v3"
OURS = {"envoy-seen", "envoy-no-client-certificate"}


def as_dump(bootstrap: Document) -> Document:
    resources = bootstrap["static_resources"]
    version = {"major_number": 1, "minor_number": 40}
    node = {"user_agent_build_version": {"version": version}}
    return {
        "configs": [
            {"@type": f"{ADMIN}.BootstrapConfigDump", "bootstrap": {**bootstrap, "node": node}},
            {
                "@type": f"{ADMIN}.ClustersConfigDump",
                "static_clusters": [{"cluster": each} for each in resources["clusters"]],
            },
            {
                "@type": f"{ADMIN}.ListenersConfigDump",
                "static_listeners": [{"listener": each} for each in resources["listeners"]],
            },
        ]
    }


def said(document: Document, **configured: str) -> set[str]:
    """Return what is said about a bootstrap besides what is said about ours."""
    return set(codes(judged(as_dump(document), configured))) - OURS


def ours(**configured: str) -> Document:
    return bootstrap_of(configured)
