from __future__ import annotations

import shlex

import click
from click.testing import CliRunner

from authz.entrypoints.cli.call.options import CallOptions, with_options
from authz.entrypoints.cli.call.resuming import resuming


def parsed(line: str) -> CallOptions:
    """Return the options of a command line."""
    found: list[CallOptions] = []

    @click.command()
    @with_options
    def command(options: CallOptions) -> None:
        """Keep them."""
        found.append(options)

    result = CliRunner().invoke(command, shlex.split(line))
    assert result.exit_code == 0, result.output
    return found[0]


def test_the_command_goes_on_with_the_same_request() -> None:
    line = "-X DELETE -H @headers --data-binary @body --cacert ca -L https://gate.test/a?b=c"
    shown = resuming(parsed(f"--no-wait --wait 3s --ticket-file old {line}"))
    assert shown == f'HOLDGATE_TICKET="$ticket" holdgate call {shlex.join(shlex.split(line))}'
    again = parsed(shown.partition(" call ")[2])
    assert again.no_wait is False
    assert (again.method, again.headers, again.data_binary, again.url) == (
        "DELETE",
        ("@headers",),
        ("@body",),
        "https://gate.test/a?b=c",
    )


def test_what_may_be_secret_is_not_shown() -> None:
    shown = resuming(
        parsed(
            "-H 'authorization: Bearer s3cret' -Hx-key:s3cret -d s3cret -d @file --json=s3cret --data-raw @s3cret "
            "--cert c --key k https://alice:s3cret@gate.test/a"
        )
    )
    assert "s3cret" not in shown
    assert "-H 'authorization: …' -H 'x-key: …' -d '…' -d @file --json '…' --data-raw '…'" in shown
    assert shown.endswith("--cert c --key k https://gate.test/a")


def test_options_do_not_show_secrets_either() -> None:
    assert "s3cret" not in repr(parsed("-H 'a: s3cret' -d s3cret https://gate.test"))
