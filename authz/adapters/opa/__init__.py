"""OPA's REST API behind the policy and directory ports."""
