"""What the notifier uses of the world outside."""
