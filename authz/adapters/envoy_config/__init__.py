"""Envoy v3 configuration, built as typed messages from one plan.

`plan` and `endpoint` are light. Everything else imports `envoy_data_plane`, which takes about a second, so a process
that doesn't print or start an Envoy has no reason to import it.
"""
