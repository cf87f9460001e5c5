"""The two languages of the screens."""
