"""Files, their versions and their bytes."""
