"""Files, checks and mails as people read them.

Producers are independent, so events come in any order and more than once: each writes its own
columns, guarded by its version, and any permutation ends in the same rows.
"""

from services.reports import journal
from services.reports.projections.checks import CHECKS
from services.reports.projections.files import FILES
from services.reports.projections.mails import MAILS

PROJECTIONS = (FILES, CHECKS, MAILS)
history = journal.history
