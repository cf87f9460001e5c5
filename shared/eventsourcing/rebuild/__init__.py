"""Builds the tables of projections anew from events while they serve, and swaps them."""
