"""Claims that end with their copy; results that leave person by person."""

from alembic import op

revision = "0005"
down_revision = "0004"

# A mail whose sending again and again is the end of the copy that sends it is found by its count.
DEATHS = "ALTER TABLE mails ADD deaths int NOT NULL DEFAULT 0"
CLAIMED = "CREATE INDEX mails_claimed ON mails (claimed_by) WHERE claimed_by IS NOT NULL"
# Mails about accounts in the order of their time, results person by person.
NO_DUE = "DROP INDEX mails_due"
ACCOUNT = """
CREATE INDEX mails_account ON mails (due_at) WHERE due_at IS NOT NULL AND kind <> 'check_result'
"""
RESULTS = """
CREATE INDEX mails_results ON mails (user_id, due_at)
WHERE due_at IS NOT NULL AND kind = 'check_result'
"""


def upgrade() -> None:
    for statement in (DEATHS, CLAIMED, NO_DUE, ACCOUNT, RESULTS):
        op.execute(statement)
