"""`holdgate doctor`."""
