"""Source text on a page: coloured, excerpted, compared, edited."""
