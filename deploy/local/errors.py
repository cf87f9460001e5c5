"""What can keep the product from starting on this machine."""


class CannotStart(Exception):
    """Its message is one sentence for the person at the terminal, saying what to do."""
