"""What every chat channel shares: how others' text is shown, what of a request, and our own words."""
