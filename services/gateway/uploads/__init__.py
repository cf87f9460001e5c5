"""Forms with files in them, read while they arrive."""
