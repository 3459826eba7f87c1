"""Signing in by OpenID Connect: the provider's documents, the exchange of a code, and what an ID token proves."""
