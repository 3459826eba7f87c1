"""What `holdgate doctor` thinks of an installation: pure functions from facts to findings."""
