"""The management API: `holdgate.v1.Approvals`, for programs that show tickets to people and bring back votes.

It has a listener of its own, on loopback or a unix socket only, and every call is authenticated.
"""
