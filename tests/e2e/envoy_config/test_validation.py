"""Envoy's own judgement of everything we print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from authz.adapters.envoy_config.render import What, render
from tests.e2e.envoy_config.certificates import Authority
from tests.e2e.envoy_config.own_envoy import merge_parts, own_bootstrap
from tests.support.envoy import EnvoyFailed, validate
from tests.unit.envoy_config.plans import every_kind

EXAMPLES = Path(__file__).parents[3] / "envoy"
KINDS = sorted(every_kind(Path()))


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pem")
    authority = Authority(folder)
    pair = authority.issue("envoy.test")
    pair.certificate.rename(folder / "cert.pem")
    pair.key.rename(folder / "key.pem")
    return folder


@pytest.mark.parametrize("what", ["bootstrap", "fragment"])
@pytest.mark.parametrize("kind", KINDS)
def test_envoy_accepts_every_variant(kind: str, what: What, pem: Path, tmp_path: Path) -> None:
    text = render(every_kind(pem)[kind], what, "yaml")
    validate(text if what == "bootstrap" else merged(text), tmp_path)


@pytest.mark.parametrize("name", ["bootstrap.yaml", "filter.yaml"])
def test_envoy_accepts_the_shipped_examples(name: str, tmp_path: Path) -> None:
    text = (EXAMPLES / name).read_text()
    validate(text if name == "bootstrap.yaml" else merged(text), tmp_path)


def test_control_envoy_refuses_a_field_that_it_does_not_know(tmp_path: Path) -> None:
    document = yaml.safe_load((EXAMPLES / "bootstrap.yaml").read_text())
    document["admin"]["no_such_field"] = True
    with pytest.raises(EnvoyFailed, match="no_such_field"):
        validate(json.dumps(document), tmp_path)


def merged(fragment: str) -> str:
    document = own_bootstrap(10001, 9902, 8081)
    merge_parts(document, yaml.safe_load(fragment))
    return json.dumps(document)
