"""What the checker uses of the world outside."""
