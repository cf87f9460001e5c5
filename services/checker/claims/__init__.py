"""Claims: which due versions this copy checks, and how its claims end."""
