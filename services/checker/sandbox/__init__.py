"""Runs programs we do not trust: isolated, with limits, in private folders."""
