"""When which files are checked, and how they are divided into runs of ruff."""
