"""Which due versions this copy checks, and how its claims to them end."""
