"""The rules of checks."""
