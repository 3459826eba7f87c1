"""Processes that don't start, because a bot of theirs would believe anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.gate_opa import ROOT
from tests.support.gate_server import SHIPPED
from tests.support.ports import free_port

CHANNEL = {
    "kind": "teams-bot",
    "app_id": "00000000-0000-0000-0000-0000000000a1",
    "tenant_id": "00000000-0000-0000-0000-0000000000e1",
    "app_secret": "s3cret~value",
    "post_to": ["19:room@thread.tacv2"],
    "playground": True,
}
KEY = "k1:" + "A" * 43


def start(part: str, folder: Path, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Start a part that is to end by itself, and return how it ended."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HOLDGATE_")}
    environ = {
        **clean,
        "HOLDGATE_TICKET_KEYS": KEY,
        "HOLDGATE_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "HOLDGATE_METRICS_LISTEN": f"127.0.0.1:{free_port()}",
        "HOLDGATE_CONSOLE_LISTEN": f"127.0.0.1:{free_port()}",
        "HOLDGATE_CHANNELS": json.dumps({"room": CHANNEL}),
        **settings,
    }
    command = [sys.executable, "-m", SHIPPED, "serve", part]
    return subprocess.run(
        command,
        check=False,
        cwd=folder,
        env={**environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
    )


@pytest.mark.parametrize("part", ["console", "notifier"])
@pytest.mark.parametrize(
    "settings",
    [
        {"HOLDGATE_PUBLIC_URL": "https://holdgate.example"},
        {
            "HOLDGATE_PUBLIC_URL": "http://127.0.0.1:8088",
            "HOLDGATE_OIDC_ISSUER": "https://idp.example",
            "HOLDGATE_OIDC_CLIENT_ID": "holdgate",
        },
    ],
    ids=["public", "sign-in"],
)
def test_a_playground_in_production_exits_2_and_says_which_setting(
    part: str, settings: dict[str, str], tmp_path: Path
) -> None:
    ended = start(part, tmp_path, settings)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 2, said
    assert "HOLDGATE_CHANNELS.room: playground takes messages without a proof" in said
    assert "s3cret~value" not in said
