"""The adapter against the OPA that it is made for."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from authz.adapters.opa.client import OpaClient
from authz.adapters.opa.policy_engine import OpaPolicyEngine
from authz.domain.errors import PolicyMalformed, PolicyUnavailable
from tools import opa

POLICY = """\
package envoy.authz

default allow := false

allow if input.user == "alice"

twice := "a" if input.both
twice := "b" if input.both

slow if {
    some i, j in numbers.range(1, 100000)
    i == -j
}
"""


@asynccontextmanager
async def real_opa() -> AsyncIterator[OpaClient]:
    """Run OPA on a unix socket with POLICY, and a client for it."""
    binary = opa.find()
    assert binary is not None, "no OPA: `make setup` builds one, or set OPA_BIN"
    with tempfile.TemporaryDirectory(prefix="opa-") as name:
        (Path(name) / "policy.rego").write_text(POLICY)
        socket = f"{name}/opa.sock"
        arguments = (
            "run",
            "--server",
            "--addr",
            f"unix://{socket}",
            "--disable-telemetry",
            f"{name}/policy.rego",
        )
        process = await asyncio.create_subprocess_exec(
            str(binary), *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with OpaClient(f"unix://{socket}", connections=2, max_answer_bytes=65_536) as client:
                async with asyncio.timeout(20):
                    while not await client.healthy(1):
                        assert process.returncode is None
                        await asyncio.sleep(0.02)  # until the condition above holds
                yield client
        finally:
            process.terminate()
            await process.wait()


async def test_the_adapter_and_opa_understand_each_other() -> None:
    """Yes, no, undefined, a conflict, and an evaluation that takes too long."""
    async with real_opa() as client:
        decide = OpaPolicyEngine(client, "envoy/authz/allow").decide
        assert (await decide({"user": "alice"}, 5)).result is True
        assert (await decide({"user": "bob"}, 5)).result is False
        with pytest.raises(PolicyMalformed, match="undefined"):
            await OpaPolicyEngine(client, "envoy/authz/nothing").decide({}, 5)
        with pytest.raises(PolicyMalformed, match="eval_conflict_error"):
            await client.query("envoy/authz/twice", {"both": True}, 5)
        with pytest.raises(PolicyUnavailable, match="within 50 ms"):
            await client.query("envoy/authz/slow", {}, 0.05)
        assert (await decide({"user": "alice"}, 5)).result is True
