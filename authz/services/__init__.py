"""Use cases over the domain; whatever they need from outside is a protocol in `ports`."""
