"""The configuration as text, to be read by Envoy and by people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, assert_never

from authz.adapters.envoy_config.bootstrap import bootstrap
from authz.adapters.envoy_config.comments import BOOTSTRAP_HEADER, FRAGMENT_HEADER, comment_of
from authz.adapters.envoy_config.document import as_document
from authz.adapters.envoy_config.fragment import fragment
from authz.adapters.envoy_config.yaml_text import comment_lines, yaml_text

if TYPE_CHECKING:
    from betterproto2 import Message

    from authz.adapters.envoy_config.document import Plain
    from authz.adapters.envoy_config.plan import EnvoyPlan

What = Literal["bootstrap", "fragment"]
Form = Literal["json", "yaml"]


def render(plan: EnvoyPlan, what: What, form: Form) -> str:
    """Return the complete bootstrap or the fragment as JSON or as commented YAML, ending in a line break.

    Both forms hold the same data.
    """
    document, header = _document(plan, what)
    if form == "json":
        return json.dumps(document, indent=2) + "\n"
    if form == "yaml":
        return "\n".join([*comment_lines(header), yaml_text(document, comment_of)])
    assert_never(form)


def _document(plan: EnvoyPlan, what: What) -> tuple[Mapping[str, Plain], str]:
    if what == "bootstrap":
        return as_document(bootstrap(plan)), BOOTSTRAP_HEADER
    if what == "fragment":
        return _fragment_document(plan), FRAGMENT_HEADER
    assert_never(what)


def _fragment_document(plan: EnvoyPlan) -> dict[str, Plain]:
    parts = fragment(plan)
    merged: dict[str, Message | None] = {
        "listener": parts.listener,
        "http_connection_manager": parts.http_connection_manager,
        "first_route": parts.first_route,
        "each_gated_route": parts.each_gated_route,
        "each_waiting_route": parts.each_waiting_route,
        "virtual_host": parts.virtual_host,
    }
    return {
        **{name: as_document(part, (name,)) for name, part in merged.items() if part is not None},
        "clusters": [as_document(cluster, ("clusters", cluster.name)) for cluster in parts.clusters],
    }
