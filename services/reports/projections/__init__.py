"""The read tables of files, checks and mails.

Events come in any order and more than once, since producers are independent. Each event writes
its own columns unless they are of a later version, so that any order ends in the same rows.
"""

from services.reports import journal
from services.reports.projections.checks import CHECKS
from services.reports.projections.files import FILES
from services.reports.projections.mails import MAILS

PROJECTIONS = (FILES, CHECKS, MAILS)
history = journal.history
