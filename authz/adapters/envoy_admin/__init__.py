"""Envoy's admin interface, read and never written."""
