"""Every error Holdgate raises on purpose.

HoldgateError
├── Unavailable            something that a decision needs did not answer in time -> 503
│   ├── PolicyUnavailable      OPA refused, hung, or was cut off by the deadline
│   ├── StoreUnavailable       Redis refused, hung, is read-only or full
│   │   └── StoreFull              Redis is so full that it takes no new tickets; everything else goes on
│   ├── ProviderUnavailable    the identity provider refused, hung, or can't be understood
│   └── Overloaded             a bound of ours is reached (the bound is named)
├── PolicyMalformed        OPA answered, but not with a decision that can be obeyed -> 503
├── BadRequest             the client's request can't be read -> 400
├── BodyNotVisible         Envoy didn't show the whole body, so it can't be held -> 413
├── PrincipalUnknown       nobody verified who asks, so a hold would belong to no one -> 503
├── BytesHidden            a bound value may hide bytes that Envoy replaced with "!" -> 503
├── RouteMisconfigured     what the route says of itself in context_extensions can't be read -> 503
├── NotPermitted           the operator's rule doesn't let this requester ask -> 403
├── JustificationMissing   the rule wants the requester's reason, and there is none -> 428
├── TooManyTickets         a quota of new tickets is reached -> 429
├── BreakGlassExhausted    a quota of uses of break-glass is reached -> 429
├── SignInFailed           what came back from the identity provider proves nobody (the reason is for people)
├── VoteRefused            this person can't cast this vote now (the reason is for people)
├── RecordUnreadable       a stored record is not one this release can read
└── SettingsInvalid        the configuration has problems; all of them are listed
"""

from __future__ import annotations


class HoldgateError(Exception):
    """Root of the tree; nothing raises it directly."""


class Unavailable(HoldgateError):
    """A dependency did not answer in time; the client is told to come back.

    `dependency` is a stable lowercase word for metrics and logs (`opa`, `redis`, …).
    """

    dependency = "unknown"


class PolicyUnavailable(Unavailable):
    """OPA could not be reached, or its answer was late, too large or not an answer."""

    dependency = "opa"


class StoreUnavailable(Unavailable):
    """Redis could not be reached, timed out, or refused to write."""

    dependency = "redis"


class StoreFull(StoreUnavailable):
    """So much of Redis's memory is used that what is left is kept for votes and redemptions."""


class ProviderUnavailable(Unavailable):
    """The identity provider gave no answer that signing in could go on with. The message is for the operator."""

    dependency = "oidc"


class Overloaded(Unavailable):
    """One of our own bounds is reached; the message names which."""

    dependency = "holdgate"


class PolicyMalformed(HoldgateError):
    """OPA's result can't be obeyed. The message is for the operator, never for the client."""


class BadRequest(HoldgateError):
    """The request can't be turned into a policy input. The message may reach the client."""


class BodyNotVisible(HoldgateError):
    """The body that arrived is not, or may not be, the whole body. `reason` says which."""


class PrincipalUnknown(HoldgateError):
    """No verified principal, where one is needed."""


class BytesHidden(HoldgateError):
    """A bound value contains `!`, which may stand for bytes outside UTF-8 (Envoy without `encode_raw_headers`)."""

    def __init__(self, part: str) -> None:
        super().__init__(
            f"{part} contains '!', which may hide bytes outside UTF-8; "
            "set encode_raw_headers: true on Envoy's ext_authz filter"
        )
        self.part = part


class RouteMisconfigured(HoldgateError):
    """Envoy's `context_extensions` for this route can't be read. The message is for the operator."""


class NotPermitted(HoldgateError):
    """The operator's rule refuses a requester. The message is the rule's reason, for the requester."""


class JustificationMissing(HoldgateError):
    """A rule wants to know why somebody asks, and the request doesn't say."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"rule {rule} wants x-approval-justification")
        self.rule = rule


class TooManyTickets(HoldgateError):
    """A quota of new tickets is reached. `scope` names which, a stable word for metrics and logs.

    `total`, `requester` and `rule` are open tickets; `rate_…` of the same words are new ones in a minute;
    `bytes_total` and `bytes_requester` are what is stored. There may be room in `retry_after_s` seconds.
    """

    def __init__(self, scope: str, limit: int, retry_after_s: int = 30) -> None:
        super().__init__(f"{limit} is the limit ({scope})")
        self.scope = scope
        self.limit = limit
        self.retry_after_s = retry_after_s


class BreakGlassExhausted(HoldgateError):
    """A quota of uses of break-glass is reached. `scope` names which, a stable word for metrics and logs.

    `total` and `requester` are uses that nobody has reviewed; `rate_requester` is a requester's in a minute. There may
    be room in `retry_after_s` seconds.
    """

    def __init__(self, scope: str, limit: int, retry_after_s: int = 30) -> None:
        super().__init__(f"{limit} is the limit ({scope})")
        self.scope = scope
        self.limit = limit
        self.retry_after_s = retry_after_s


class SignInFailed(HoldgateError):
    """Nobody was signed in. `code` is stable, for logs; the message is for who wanted to."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class VoteRefused(HoldgateError):
    """A vote that can't be taken. `code` is stable; the message is one sentence for the voter."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RecordUnreadable(HoldgateError):
    """A stored record is damaged or was written by a release this one can't read."""


class SettingsInvalid(HoldgateError):
    """Every problem of a configuration at once, one line each in `problems`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
