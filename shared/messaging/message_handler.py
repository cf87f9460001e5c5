"""Handles messages, whichever way they came: each has its effect once, or is dead-lettered."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from shared.db import Database
from shared.eventsourcing.causation import correlation_scope
from shared.eventsourcing.erasure.steps import TIME_SLICE, Prepare
from shared.eventsourcing.event import Event, EventTypes
from shared.logging import log
from shared.messaging.dead_letters.publisher import DeadLetterPublisher
from shared.messaging.decoding import DecodedMessage, MessageDecoder, failure_reason
from shared.messaging.error_classification import may_be_message_fault
from shared.messaging.inbox import DigestMismatchError
from shared.messaging.incoming_message import IncomingMessage
from shared.messaging.reactions import AfterCommit, React, ReactionRunner, no_follow_up
from shared.messaging.transient_retry import TransientRetry

ATTEMPTS = 3  # at a message alone, before it counts as faulty
BACKOFF = 0.2  # seconds before the second attempt, doubled before the third


class MessageHandler:
    """Lets a batch of messages have their effects and acknowledges them.

    A batch is one transaction, and its messages are acknowledged after the commit. Only a message
    that is proven to be at fault is dead-lettered: it can't be read, or its id belonged to another
    message, or its reaction fails on its own while the database takes writes. Anything else waits.
    """

    def __init__(
        self,
        service: str,
        database: Database,
        types: EventTypes,
        react: React,
        retry: TransientRetry,
        dead_letters: DeadLetterPublisher,
        prepare: Mapping[type[Event], Prepare] | None = None,
        after_commit: AfterCommit = no_follow_up,
    ) -> None:
        """Take the events to read (`types`); all others are acknowledged without effect.

        `prepare` is what goes before the transaction of an event, in time slices between which
        other events are handled. `after_commit` is called with the events of each transaction.
        """
        self._service, self._decoder = service, MessageDecoder(types)
        self._runner = ReactionRunner(service, database, react)
        self._dead_letters = dead_letters
        self._retry, self._prepare = retry, prepare or {}
        self._after_commit = after_commit

    async def probe(self) -> None:
        """Raise unless something could be done now."""
        await self._runner.probe()

    def check(self) -> None:
        """Raise what kept the broker from taking a dead letter."""
        self._dead_letters.check()

    async def finish(self, seconds: float) -> None:
        """Wait until the broker has all dead letters, or for a while; raises like `check`."""
        await self._dead_letters.finish(seconds)

    @property
    def dead_letters_under_way(self) -> Sequence[IncomingMessage]:
        """Messages whose dead letters the broker has not confirmed yet."""
        return self._dead_letters.under_way

    async def close(self) -> None:
        await self._dead_letters.close()

    async def handle(self, batch: Sequence[IncomingMessage]) -> list[IncomingMessage]:
        """Handle what one time slice allows; return the messages that have to come again.

        Raises:
            Exception: what stands in the way of messages that are not at fault.
        """
        decoded = await self._decode(batch)
        plain = [one for one in decoded if not self._needs_preparation(one)]
        if plain and not await self._handle_together(plain):
            for message in plain:
                await self._handle_alone(message)
        return await self._handle_prepared([one for one in decoded if self._needs_preparation(one)])

    def _needs_preparation(self, message: DecodedMessage) -> bool:
        return type(message.recorded.event) in self._prepare

    async def _decode(self, batch: Sequence[IncomingMessage]) -> list[DecodedMessage]:
        """The messages that can be read and concern us; the others are done with."""
        decoded: list[DecodedMessage] = []
        for message in batch:
            try:
                found = self._decoder.decode(message)
            except Exception as error:
                if not may_be_message_fault(error):
                    raise
                await self._dead_letters.begin(message, failure_reason(error))
                continue
            if found is None:
                await message.ack()
            else:
                decoded.append(found)
        return decoded

    async def _handle_together(self, batch: Sequence[DecodedMessage]) -> bool:
        """False when one of the messages may be at fault; then none had an effect."""
        try:
            await self._retry.run(lambda: self._runner.run_batch(batch))
        except Exception as error:
            if not may_be_message_fault(error):
                raise
            name = type(error).__name__
            log.warning("batch_split", consumer=self._service, messages=len(batch), reason=name)
            return False
        await self._acknowledge(batch)
        return True

    async def _handle_alone(self, message: DecodedMessage) -> bool:
        """Dead-letter the message when it alone fails again and again; its neighbours go on.

        False when it has to come again: a message whose preparation has begun is never
        dead-lettered.
        """
        with correlation_scope(message.recorded):
            fault = await self._fault_of(message)
            if fault is None:
                await self._acknowledge([message])
            elif self._preparation_has_begun(message, fault):
                log.error("message_postponed", consumer=self._service, exc_info=fault)
                return False
            else:
                log.error("message_dead_lettered", consumer=self._service, exc_info=fault)
                await self._dead_letters.begin(message.message, failure_reason(fault))
            return True

    async def _fault_of(self, message: DecodedMessage) -> Exception | None:
        """What speaks against the message after all attempts; None when it had its effect."""
        fault = await self._retry.run(lambda: self._runner.run_alone(message))
        for attempt in range(ATTEMPTS - 1):
            if fault is None or isinstance(fault, DigestMismatchError):
                break
            await asyncio.sleep(BACKOFF * 2**attempt)
            fault = await self._retry.run(lambda: self._runner.run_alone(message))
        return fault

    def _preparation_has_begun(self, message: DecodedMessage, fault: Exception) -> bool:
        return self._needs_preparation(message) and not isinstance(fault, DigestMismatchError)

    async def _acknowledge(self, batch: Sequence[DecodedMessage]) -> None:
        self._after_commit([message.recorded for message in batch])
        for message in batch:
            await message.message.ack()

    async def _handle_prepared(self, batch: Sequence[DecodedMessage]) -> list[IncomingMessage]:
        """Prepare and handle one after the other; return those that the time slice left."""
        left: list[IncomingMessage] = []
        end = time.monotonic() + TIME_SLICE
        for message in batch:
            in_time = time.monotonic() < end and await self._is_prepared(message)
            if not in_time or not await self._handle_alone(message):
                left.append(message.message)
        return left

    async def _is_prepared(self, message: DecodedMessage) -> bool:
        """Whether nothing is left to do before the transaction, which shows what is wrong."""
        prepare = self._prepare[type(message.recorded.event)]
        try:
            return await self._retry.run(lambda: self._runner.run_prepare(message, prepare))
        except Exception as error:
            if not may_be_message_fault(error):
                raise
            log.exception("prepare_failed", consumer=self._service)
            return True
