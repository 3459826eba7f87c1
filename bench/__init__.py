"""Measures Holdgate: `make bench`. docs/performance.md says how to read what it prints."""
