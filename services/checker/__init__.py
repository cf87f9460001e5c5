"""Checks new and replaced files on a schedule and remembers every result."""
