"""Microsoft Teams: Adaptive Cards, and the Workflows webhook that takes them."""
