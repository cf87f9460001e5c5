"""What can be done with files, and how a request does it: once, and within the user's limits."""
