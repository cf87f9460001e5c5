"""Fields and base class that request bodies share."""

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.api.problems import json_only

JSON = [Depends(json_only)]


class RequestBody(BaseModel):
    """A request body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Accepted(BaseModel):
    """The request was accepted. It is always empty, and so reveals nothing about accounts."""


Email = Annotated[str, Field(max_length=1000)]
Password = Annotated[str, Field(max_length=10_000)]
Code = Annotated[
    str, Field(max_length=100, description="six digits from the app, or a recovery code")
]
NewPassword = Annotated[
    str, Field(max_length=10_000, description="at least 8 characters, and not easy to guess")
]
LinkToken = Annotated[
    str, Field(min_length=1, max_length=200, description="the last path segment of the mailed link")
]
