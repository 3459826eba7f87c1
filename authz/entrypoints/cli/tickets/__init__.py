"""`holdgate tickets`: a client of the management API."""
