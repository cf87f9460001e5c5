"""What auth uses of the world outside."""
