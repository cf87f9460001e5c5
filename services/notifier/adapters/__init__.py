"""The other services as the notifier calls them."""
