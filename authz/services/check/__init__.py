"""Judging one request: ask the policy, hold what needs a person, redeem what a person approved."""
