"""`holdgate deliveries`: what nobody was told of."""
