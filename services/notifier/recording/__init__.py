"""Records the outcomes of mails as events."""
