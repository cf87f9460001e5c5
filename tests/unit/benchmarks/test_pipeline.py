from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from benchmarks import pipeline
from benchmarks.schedule import DidNotFit
from benchmarks.sources import sources


async def test_nothing_is_measured_where_files_are_missing_at_the_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "_upload", AsyncMock(return_value=0.0))
    monkeypatch.setattr(pipeline, "before_tick", AsyncMock(return_value=0.0))
    system: Any = Mock(people=[None])
    connection: Any = Mock(fetchval=AsyncMock(return_value=2))
    with pytest.raises(DidNotFit, match="only 2 of 3 files are due"):
        await pipeline.flow(system, connection, sources(3))
