"""The outside world behind the services' ports: Envoy, OPA, Redis, chat channels, telemetry."""
