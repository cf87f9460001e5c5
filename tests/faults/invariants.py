"""What must hold after every fault. Each is a function of a snapshot that returns violations."""

from collections.abc import Callable

from tests.faults import of_events, of_mail, of_requests, of_rest
from tests.faults.snapshot import Snapshot

Invariant = Callable[[Snapshot], list[str]]

INVARIANTS: tuple[Invariant, ...] = (
    of_requests.done_exists_once,
    of_requests.registered_have_an_account,
    of_requests.who_is_erased_was_told,
    of_requests.refused_never_exists,
    of_requests.unknown_happens_at_most_once,
    of_requests.deletions_and_restorations_are_counted,
    of_requests.lists_tell_the_last_state,
    of_requests.bytes_come_back,
    of_requests.answers_are_clear,
    of_events.streams_have_no_holes,
    of_events.journal_has_each_event_once,
    of_events.journal_says_what_was_told,
    of_events.consumers_have_had_all,
    of_events.relays_are_at_their_end,
    of_events.nothing_is_set_aside,
    of_events.each_version_has_one_result,
    of_events.read_tables_are_as_rebuilt,
    of_mail.each_check_has_one_mail,
    of_mail.each_mail_has_its_end,
    of_mail.rows_say_what_events_tell,
    of_mail.sent_was_accepted,
    of_mail.accepted_is_marked_sent,
    of_mail.copies_are_marked,
    of_mail.mails_reach_their_owner,
    of_mail.nothing_goes_to_the_erased,
    of_rest.all_comes_to_rest,
    of_rest.queues_are_empty,
    of_rest.dead_letters_are_the_poison,
    of_rest.poison_is_a_dead_letter,
    of_rest.nothing_is_claimed,
    of_rest.no_transaction_is_left_open,
    of_rest.connections_are_bounded,
    of_rest.the_erased_leave_no_trace,
    of_rest.contents_of_the_erased_are_gone,
)


def violations(snapshot: Snapshot) -> dict[str, list[str]]:
    """Per invariant that does not hold, by its name, what is wrong."""
    found = {invariant.__name__: invariant(snapshot) for invariant in INVARIANTS}
    return {name: wrong for name, wrong in found.items() if wrong}
