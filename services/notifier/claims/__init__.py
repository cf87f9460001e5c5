"""Which due mails this copy sends, and how its claims to them end."""
