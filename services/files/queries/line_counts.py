"""How many lines changed from one content to another, cached in memory."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

from services.files.diffs.limiter import DiffLimiter
from services.files.diffs.line_changes import count_lines, line_changes, parse_source
from services.files.storage import contents
from shared.db import Database

Pair = tuple[str | None, str]  # the SHA-256 of the old content, None for an empty one; of the new
Counts = tuple[int, int]  # lines removed, lines added


class LineCounts:
    """Counts the changed lines of pairs of contents; keeps those that were used last."""

    def __init__(
        self, database: Database, limiter: DiffLimiter, *, max_pairs: int = 20_000
    ) -> None:
        self._database, self._limiter = database, limiter
        self._cache: OrderedDict[Pair, Counts] = OrderedDict()
        self._max_pairs = max_pairs

    def is_cached(self, pair: Pair) -> bool:
        return pair in self._cache

    async def count(self, pair: Pair) -> Counts | None:
        """Return the lines removed and added, None when a content is not stored."""
        if pair not in self._cache:
            wanted = [sha256 for sha256 in pair if sha256 is not None]
            async with self._database.transaction() as connection:
                found = await contents.load(connection, wanted)
            if not found.keys() >= set(wanted):
                return None
            old, new = (b"" if sha256 is None else found[sha256] for sha256 in pair)
            self._cache[pair] = await self._limiter.run(pair, partial(_count, old, new))
        self._cache.move_to_end(pair)
        counts = self._cache[pair]
        while len(self._cache) > self._max_pairs:
            self._cache.popitem(last=False)
        return counts


def _count(old: bytes, new: bytes) -> Counts:
    return count_lines(line_changes(_lines(old), _lines(new)))


def _lines(content: bytes) -> Sequence[str]:
    return parse_source(content).lines
