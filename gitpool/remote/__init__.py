"""Talking to a git remote: addresses, sign-in, transports. Knows no profiles."""
