"""What changed between two contents. Pure functions, and the limit of how many run at once."""
