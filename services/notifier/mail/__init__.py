"""Renders mails: results of checks, and all mails about the account; pure functions only."""
