"""Events, their store, and what is derived from them."""
