"""Our own bootstrap from settings, and the codes that are said about a document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from authz.adapters.envoy_config.render import render
from authz.bootstrap import envoy_plan
from authz.entrypoints.cli.doctor.facts import expected_of_envoy
from authz.services.doctor.envoy.judge import EnvoyFacts, judge_envoy
from authz.services.doctor.finding import Finding
from authz.settings_loader import load_settings
from tests.e2e.envoy_config.stack import Document
from tests.support.envoy import envoy_version

PLAIN: Final[Mapping[str, str]] = {}


def bootstrap_of(settings: Mapping[str, str]) -> Document:
    """Return what `holdgate envoy-config --format json` prints with these settings."""
    document: Document = json.loads(_rendered(tuple(settings.items())))
    return document


def judged(dump: object, settings: Mapping[str, str]) -> list[Finding]:
    """Return what is said about a config_dump."""
    facts = EnvoyFacts(where="http://127.0.0.1:9901", asked_for=True, document=dump)
    return list(judge_envoy(facts, expected_of_envoy(load_settings(settings))))


def ends_with_a_client() -> bool:
    """Say whether the Envoy of these tests is one that a client can end who goes away while its check is open."""
    return (1, 37) <= envoy_version() < (1, 37, 5)


def codes(findings: Iterable[Finding]) -> Counter[str]:
    return Counter(finding.code for finding in findings)


@cache
def _rendered(settings: tuple[tuple[str, str], ...]) -> str:
    return render(envoy_plan(load_settings(dict(settings))), "bootstrap", "json")
