"""What an SQLSTATE means: try again later, or a fault of the values or of the program.

The classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

from enum import Enum


class Meaning(Enum):
    """What to do about an error."""

    VALUES = "what was to be written may be at fault"
    UNAVAILABLE = "trying again later helps"
    NO_WRITES = "reading goes on, writing waits"
    FAULT = "the program, the schema or the rights are at fault, whatever the values"


VALUES, UNAVAILABLE, NO_WRITES, FAULT = Meaning

CLASSES = {
    "00": FAULT,  # success: no error
    "01": FAULT,  # warning
    "02": FAULT,  # no data
    "03": FAULT,  # SQL statement not yet complete
    "08": UNAVAILABLE,  # connection
    "09": FAULT,  # triggered action
    "0A": FAULT,  # feature not supported
    "0B": FAULT,  # invalid transaction initiation
    "0F": FAULT,  # locator
    "0L": FAULT,  # invalid grantor
    "0P": FAULT,  # invalid role specification
    "0Z": FAULT,  # diagnostics
    "10": VALUES,  # XQuery
    "20": VALUES,  # case not found
    "21": VALUES,  # cardinality: a set names a row twice
    "22": VALUES,  # data
    "23": VALUES,  # integrity constraint
    "24": FAULT,  # invalid cursor state
    "25": FAULT,  # invalid transaction state
    "26": FAULT,  # invalid SQL statement name
    "27": FAULT,  # triggered data change
    "28": UNAVAILABLE,  # invalid authorization: no connection can be had
    "2B": FAULT,  # dependent privilege descriptors still exist
    "2D": FAULT,  # invalid transaction termination
    "2F": FAULT,  # SQL routine
    "34": FAULT,  # invalid cursor name
    "38": FAULT,  # external routine
    "39": FAULT,  # external routine invocation
    "3B": FAULT,  # savepoint
    "3D": UNAVAILABLE,  # invalid catalog name: no connection can be had
    "3F": FAULT,  # invalid schema name
    "40": UNAVAILABLE,  # transaction rollback: serialization, deadlock
    "42": FAULT,  # syntax, names, types, access rules
    "44": VALUES,  # with check option
    "53": UNAVAILABLE,  # insufficient resources
    "54": VALUES,  # program limit: too long for an index, too large a value
    "55": UNAVAILABLE,  # object not in prerequisite state: locks among them
    "57": UNAVAILABLE,  # operator intervention: cancelled, shut down, starting
    "58": UNAVAILABLE,  # system: input, output
    "72": UNAVAILABLE,  # snapshot too old
    "F0": UNAVAILABLE,  # configuration file
    "HV": FAULT,  # foreign data wrapper
    "P0": VALUES,  # PL/pgSQL: raised by a trigger or a function
    "XX": FAULT,  # internal: corruption among them
}
"""Every class, by the first two characters."""

EXCEPTIONS = {
    "25006": NO_WRITES,  # read-only: a standby, or an administrator's order
    "25P03": UNAVAILABLE,  # the transaction was left alone too long
    "25P04": UNAVAILABLE,  # the transaction took too long
    "53100": NO_WRITES,  # the disk is full
    "54001": FAULT,  # the stack is too small for the statement
    "54011": FAULT,  # too many columns
    "54023": FAULT,  # too many arguments
    "P0000": FAULT,  # PL/pgSQL as a whole
}
"""Codes with another meaning than their class."""


def meaning(sqlstate: str) -> Meaning:
    """A code's meaning; a code of an unknown class is never blamed on the values."""
    return EXCEPTIONS.get(sqlstate) or CLASSES.get(sqlstate[:2], FAULT)
