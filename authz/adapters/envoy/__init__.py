"""Envoy's ext_authz messages: the request as it arrives, the policy input made of it, the one way to answer."""
