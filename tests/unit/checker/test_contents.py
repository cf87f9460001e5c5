"""What the checker asks files for, and what it makes of the answer."""

import base64
from typing import Any, cast

import pytest

from services.checker.adapters.contents import Contents
from shared.web.client import ServiceAway, ServiceClient


class Files:
    """Answers one content at a time, as if each filled an answer."""

    def __init__(self, answers: dict[str, str | None]) -> None:
        self._answers, self.asked = answers, list[list[str]]()

    async def call(self, method: str, path: str, json: Any) -> Any:
        assert (method, path) == ("POST", "/internal/contents")
        self.asked.append(json["sha256"])
        return {sha256: self._answers[sha256] for sha256 in json["sha256"][:1] if self._answers}


async def test_one_answer_is_taken_in_the_order_of_what_was_asked() -> None:
    files = Files({"b": base64.b64encode(b"x = 1\n").decode(), "a": None})
    contents = Contents(cast("ServiceClient", files))
    assert await contents.fetch(["b", "a", "b"]) == {"b": b"x = 1\n"}
    assert await contents.fetch(["a"]) == {"a": None}
    assert files.asked == [["b", "a"], ["a"]]


async def test_an_answer_without_anything_is_none() -> None:
    with pytest.raises(ServiceAway):
        await Contents(cast("ServiceClient", Files({}))).fetch(["a"])
