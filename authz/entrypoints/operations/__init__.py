"""What orchestrators and Prometheus ask every process: metrics, liveness, readiness."""
