"""The public face: web screens and `/api/v1`. Keeps no state."""
