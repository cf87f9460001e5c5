"""Forgets a person: personal fields in events become blank, and rows about the person go.

First the person is marked as erased: from then on what comes late is blanked before it is kept.
What is there already goes in steps of bounded size (`steps.py`), between which others write.
"""
