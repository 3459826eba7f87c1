"""The check server: Envoy's ext_authz over gRPC."""
