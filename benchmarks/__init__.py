"""Scripts that measure; each compares in one run and prints ratios."""
