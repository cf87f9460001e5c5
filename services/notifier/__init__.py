"""Mails every result to the owner of the file, and records truthfully whether the mail went out."""
