"""From what ruff found to the events that record it."""
