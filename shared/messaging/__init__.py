"""Events on their way between services."""
