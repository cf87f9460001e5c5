"""The tables of auth, one module each: its statements, and functions that run one of them."""
