"""The data source for Terraform that docs/client.md shows.

Its provider can't be had without its registry. A test that runs it does so where TERRAFORM_HTTP_PROVIDER names a
`terraform-provider-http`, as `go build` makes one of its source.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from authz.domain.ticket import Choice
from tests.e2e.client_docs.clients import Clients, Program
from tests.e2e.client_docs.page import shown

# The first test starts the gates.
pytestmark = [pytest.mark.terraform, pytest.mark.timeout(180)]

PROVIDER = "TERRAFORM_HTTP_PROVIDER"


@pytest.fixture
def provider() -> Path:
    named = os.environ.get(PROVIDER)
    if not named:
        pytest.skip(f"optional, and not set: {PROVIDER}, the path of a terraform-provider-http")
    return Path(named)


def applied(clients: Clients, provider: Path, resource: str) -> Program:
    """Start `terraform apply`; with a provider that is given by its path, nothing is downloaded."""
    settings = clients.folder / "terraformrc"
    override = f'  dev_overrides {{\n    "hashicorp/http" = {json.dumps(str(provider.parent))}\n  }}\n'
    settings.write_text(f"provider_installation {{\n{override}}}\n")
    (clients.folder / "main.tf").write_text(clients.shown("hcl terraform", resource))
    return clients.start(
        *("terraform", "apply", "-auto-approve", "-input=false", "-no-color"),
        TF_CLI_CONFIG_FILE=str(settings),
        TF_VAR_gate=clients.address,
        TF_VAR_token=clients.gate.backing.token("alice"),
        CHECKPOINT_DISABLE="1",
    )


def test_it_is_formatted() -> None:
    text = shown("hcl terraform")
    formatted = subprocess.run(
        ["terraform", "fmt", "-"], input=text, check=True, capture_output=True, text=True
    ).stdout
    assert formatted == text


def test_it_waits_for_the_vote_and_goes_on(clients: Clients, provider: Path) -> None:
    resource = clients.held()
    program = applied(clients, provider, resource)
    identifier = clients.decide()
    ended = program.ended()
    assert ended.code == 0, ended
    assert clients.gate.hits(f"/maintenance/{resource}") == 1
    assert clients.token(identifier) not in (clients.folder / "terraform.tfstate").read_text()


def test_where_nobody_votes_in_time_it_ends_with_the_review_page_and_the_next_run_goes_through(
    clients: Clients, provider: Path
) -> None:
    resource = clients.held()
    clients.edits["wait=50"] = "wait=1"
    ended = applied(clients, provider, resource).ended()
    identifier = clients.ticket()
    assert ended.code == 1
    said = " ".join(ended.errors.replace("│", "").split())
    assert "Not carried out: This request was not carried out yet" in said
    assert f"/tickets/{identifier}" in said
    assert clients.token(identifier) not in ended.errors + ended.output
    clients.gate.vote(identifier)
    assert applied(clients, provider, resource).ended().code == 0
    assert clients.gate.hits(f"/maintenance/{resource}") == 1


def test_a_rejection_ends_it(clients: Clients, provider: Path) -> None:
    resource = clients.held()
    program = applied(clients, provider, resource)
    clients.decide(Choice.REJECT)
    ended = program.ended()
    assert ended.code == 1
    assert "A person rejected this request" in " ".join(ended.errors.replace("│", "").split())
    assert clients.gate.hits(f"/maintenance/{resource}") == 0


def test_with_retries_a_503_is_waited_for_by_the_provider(clients: Clients, provider: Path) -> None:
    resource = clients.held(503)
    body = "  request_body "
    clients.edits[body] = f"  retry {{\n    attempts = 20\n  }}\n{body}"
    program = applied(clients, provider, resource)
    clients.gate.vote(clients.ticket())
    ended = program.ended()
    assert ended.code == 0, ended
    assert clients.gate.hits(f"/maintenance/{resource}") == 1


def test_control_a_202_alone_is_a_success(clients: Clients, provider: Path) -> None:
    resource = clients.held()
    clients.edits.update({"wait=50": "wait=1", "self.status_code == 200": "self.status_code < 300"})
    assert applied(clients, provider, resource).ended().code == 0
    identifier = clients.ticket()
    assert clients.gate.hits(f"/maintenance/{resource}") == 0
    assert clients.token(identifier) in (clients.folder / "terraform.tfstate").read_text()
