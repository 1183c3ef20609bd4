"""Dead letters as a person sees them, wherever the broker is."""

from pydantic import BaseModel
from shop_chassis.events import DeadLetter


class LettersFailed(Exception):  # noqa: N818 - the message says what is wrong
    """Dead letters cannot be had; says why and what to do."""


class Letter(BaseModel):
    """An event that a consumer gave up."""

    number: int
    topic: str
    consumer: str
    reason: str
    tries: int
    body: str
    """The event, as it was published."""

    @classmethod
    def of(cls, letter: DeadLetter) -> "Letter":
        """From the broker's."""
        return cls(
            number=letter.number,
            topic=letter.topic,
            consumer=letter.consumer,
            reason=letter.reason,
            tries=letter.tries,
            body=letter.body.decode("utf-8", "replace"),
        )


class LetterPage(BaseModel):
    """All of them, oldest first."""

    items: list[Letter]
