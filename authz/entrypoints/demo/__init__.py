"""`holdgate demo`: the whole stack on one machine, and a walk through the story of one approval."""
