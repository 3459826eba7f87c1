"""What a demo adds to Holdgate: sample people who sign in without proof, behind a guard that it is a demo."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import SubprocessError

from authz.domain.errors import SettingsInvalid
from authz.domain.identity import Identity
from authz.entrypoints.console.demo_guard import DemoGuard, Helper
from authz.entrypoints.console.demo_sign_in import DemoPerson, DemoSignIn
from authz.entrypoints.console.site import Site
from authz.entrypoints.management.demo_identity import DemoAuthenticator
from authz.settings import Settings

VARIABLE = "HOLDGATE_DEMO"


class DemoGate:
    """Sign-in and management identities of one demo run, read from the private file that it wrote."""

    def __init__(self, path: Path, settings: Settings, site: Site) -> None:
        """Raises SettingsInvalid unless Redis and OPA were started by the run that started this process."""
        try:
            context = json.loads(path.read_text(encoding="utf-8"))
            issuer = context["issuer"]
            people = [
                DemoPerson(
                    person["id"],
                    Identity(issuer, person["subject"]),
                    person["name"],
                    ", ".join(person["groups"]) or "no groups",
                )
                for person in context["people"]
            ]
            guard = DemoGuard(
                redis=Helper("Redis", context["redis_pid"], settings.redis_url.get_secret_value()),
                opa=Helper("OPA", context["opa_pid"], settings.opa_url),
            )
            self.sign_in = DemoSignIn(site, people, guard, context["sign_in_key"])
            self.authenticator = DemoAuthenticator.from_jwk(json.dumps(context["jwks"]["keys"][0]), issuer)
        except (OSError, SubprocessError, ValueError, KeyError, TypeError, IndexError) as error:
            raise SettingsInvalid(
                [f"{VARIABLE}: {path} was not written by a running demo: {type(error).__name__}"]
            ) from error
