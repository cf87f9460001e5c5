"""Renders mails: a folder for each kind of mail, pure functions only."""
