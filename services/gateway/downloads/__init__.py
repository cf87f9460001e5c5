"""Archives and files on their way to a reader."""
