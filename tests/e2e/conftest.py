"""People with accounts in the running product."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest_asyncio

from tests.support.people import Person
from tests.support.product import Product

Register = Callable[[str], Awaitable[Person]]


@pytest_asyncio.fixture(scope="module")
async def register(product: Product) -> AsyncIterator[Register]:
    """Make an account; its connections are closed at the end."""
    async with AsyncExitStack() as stack:

        async def make(email: str) -> Person:
            person = await Person.register(product, email)
            stack.push_async_callback(person.http.aclose)
            return person

        yield make
