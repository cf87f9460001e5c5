"""From what became of mails to the events that record it."""
