"""Processes and commands: the check server, the console, the notifier, the command line."""
