"""What the product is compared with: the plainest things a user would take or build instead."""
