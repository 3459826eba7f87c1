"""Slack: cards with buttons that are changed in place, and what people press and type there."""
