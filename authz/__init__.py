"""Holdgate: an Envoy external-authorization server that holds requests for a person's approval."""

__version__ = "0.1.0"
