"""docs/check-server.md: what it tells to set can be set, and what it tells to watch is there."""

from __future__ import annotations

import re
from pathlib import Path

from authz.adapters.telemetry.metrics import Metrics
from authz.bootstrap import envoy_plan
from authz.setting_sources import PREFIX
from authz.settings import Settings
from authz.settings_loader import load_settings

PAGE = (Path(__file__).parents[3] / "docs" / "check-server.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def test_its_settings_fit_together_and_make_a_plan_for_envoy() -> None:
    assert len(SNIPPETS) == 2
    environ = dict(line.split("=", 1) for snippet in SNIPPETS for line in snippet.splitlines())
    plan = envoy_plan(load_settings(environ))
    assert [str(endpoint) for endpoint in plan.check] == ["check-1.internal:9191", "check-2.internal:9191"]
    assert plan.check_tls is not None


def test_every_setting_it_names_exists() -> None:
    named = {name.lower() for name in re.findall(rf"{PREFIX}([A-Z_]+)", PAGE)}
    assert named <= Settings.model_fields.keys()


def test_every_metric_it_names_exists() -> None:
    metrics = Metrics()
    for result in ("taken", "refused"):
        metrics.tls_reloads.labels(result)
    for use in ("server", "client_ca"):
        metrics.tls_expiry.labels(use)
    told = metrics.text().decode()
    named = set(re.findall(r"`(holdgate_[a-z_]+)", PAGE))
    assert len(named) >= 5
    assert all(f"\n{name}" in told for name in named)


def test_the_addresses_of_its_workers_are_theirs() -> None:
    rows = re.findall(
        r"^\| `HOLDGATE_GRPC_LISTEN=(\S+)` \| `(\S+)` \| `(\S+)` \| `(\S+)` \|$", PAGE, re.MULTILINE
    )
    assert len(rows) == 2
    for listen, *told in rows:
        chosen = load_settings({"HOLDGATE_GRPC_LISTEN": listen, "HOLDGATE_WORKERS": "3"}).check_listens
        assert all(
            address.endswith(each.removeprefix("…")) for each, address in zip(told, chosen, strict=True)
        )
