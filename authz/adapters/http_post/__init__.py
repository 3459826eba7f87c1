"""Posting to webhooks: what every channel over HTTP shares. The address is secret, and everything is bounded."""
