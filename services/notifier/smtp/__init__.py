"""Connections to the mail server, and what its replies mean for a mail."""
