"""The check server as Envoy meets it: its health, and the certificates on both sides."""
