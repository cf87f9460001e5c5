"""The other services as the checker calls them."""
