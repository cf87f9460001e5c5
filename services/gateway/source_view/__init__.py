"""Source code on pages: highlighting, excerpts, diffs, editing."""
