"""Claims: which due mails this copy sends, and how its claims end."""
