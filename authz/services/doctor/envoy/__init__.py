"""What an Envoy's own configuration says about the gate, judged against the settings of the servers."""
