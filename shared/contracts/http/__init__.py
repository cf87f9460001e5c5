"""What the services ask of each other over HTTP: one module per service that answers.

The routes of that service, its clients and the fakes of tests all use these models.
"""

from pydantic import BaseModel, ConfigDict


class RequestBody(BaseModel):
    """A request's body, in which an unknown field is an error."""

    model_config = ConfigDict(extra="forbid")
