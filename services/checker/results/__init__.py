"""Records what ruff found as events."""
