"""The engine's rules: what becomes of a saga after an outcome. No I/O, and no step's name.

A saga goes forward through its steps. Up to the pivot it can turn around: then what may have happened is
undone in reverse. Past the pivot it only goes forward, and every step is tried until it succeeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from shop_contracts.order_processing.api import Direction, SagaKind, SagaState, StepOutcome

from shop_order_processing.calls import Call, Outcome
from shop_order_processing.case import Case, Change

Local = Callable[[Case, UUID], Outcome]
"""A step that asks nobody: what the case itself says."""

FAILURES = 10
"""So many unknown outcomes in a row are stuck: about a minute and a half."""


def _always(_case: Case, _about: UUID) -> bool:
    return True


def _nothing(case: Case, _about: UUID, _now: datetime) -> Change:
    return Change(case)


@dataclass(frozen=True)
class Step:
    """One step of a saga, as data. Times are in seconds."""

    name: str
    do: Call | Local | None
    """None: it was done before the saga began, and is only here to be undone."""
    undo: Call | None = None
    ask: Call | None = None
    """Asked instead of `do` once that is pending; None: `do` again."""
    done: Callable[[Case, UUID, datetime], Change] = _nothing
    """What the case becomes when it is done."""
    needed: Callable[[Case, UUID], bool] = _always
    patience: float | None = None
    """Before the pivot: after so long without a final outcome the saga turns around; None: never."""
    poll: float = 30.0
    """A pending outcome is asked for again after so long, unless an event comes first."""
    expected: float = 120.0
    """Longer than this in the step, or than its patience, is stuck."""
    pivot: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of saga, as data."""

    name: SagaKind
    title: str
    steps: tuple[Step, ...]
    done: Callable[[Case, UUID, datetime], Change] = _nothing
    """What the case becomes with its last step."""
    turned: Callable[[Case, UUID, str, datetime], Change] = lambda case, _about, _reason, _now: Change(case)
    undone: Callable[[Case, UUID, str, datetime], Change] = lambda case, _about, _reason, _now: Change(case)
    delay: float = 0.0
    """Before the first step."""
    turns: bool = True
    """False: there is no way back from the first step on."""

    @cached_property
    def pivot(self) -> int:
        """Index of the step after which nothing is undone; that of the last step where none is marked."""
        if not self.turns:
            return -1
        marked = [index for index, step in enumerate(self.steps) if step.pivot]
        return marked[0] if marked else len(self.steps) - 1

    def index(self, name: str) -> int:
        """Raises LookupError."""
        for index, step in enumerate(self.steps):
            if step.name == name:
                return index
        raise LookupError(f"saga {self.name} has no step {name}")


@dataclass(frozen=True)
class Progress:
    """Where a saga stands: what its row says."""

    step: str
    direction: Direction
    state: SagaState
    since: datetime
    """In this step and direction."""
    next_at: datetime
    attempts: int = 0
    """Counted before each try, so that one whose answer was lost with its process counts too."""
    failures: int = 0
    waiting: bool = False
    reason: str | None = None
    """What the last try said."""
    cause: str | None = None
    """Why it turned around."""


@dataclass(frozen=True)
class Entry:
    """A line of the log."""

    step: str
    direction: Direction
    outcome: StepOutcome
    attempt: int
    reason: str | None = None


@dataclass(frozen=True)
class Move:
    """What an outcome leads to."""

    progress: Progress
    change: Change
    entries: tuple[Entry, ...]


def begin(kind: Kind, case: Case, about: UUID, now: datetime) -> Move:
    """A new saga, at its first step that is needed."""
    first = _forward(kind, case, about, 0)
    assert first is not None, f"saga {kind.name}: expected at least one step that is always needed"
    progress = _at(kind, first, "forward", now)
    if kind.delay:
        progress = replace(progress, next_at=now + timedelta(seconds=kind.delay))
    return Move(progress, Change(case), (Entry(progress.step, "forward", "begun", 0),))


def tried(progress: Progress) -> Progress:
    """As it is while a try is under way."""
    return replace(progress, attempts=progress.attempts + 1)


def untried(progress: Progress) -> Progress:
    """As it was before a try that was counted, and is not made after all."""
    return replace(progress, attempts=max(0, progress.attempts - 1))


def action(kind: Kind, progress: Progress) -> Call | Local:
    """What is to be asked now."""
    step = kind.steps[kind.index(progress.step)]
    if progress.direction == "back":
        assert step.undo is not None, f"{kind.name}: {step.name} has nothing to undo"
        return step.undo
    do = step.ask if progress.waiting and step.ask else step.do
    assert do is not None, f"{kind.name}: {step.name} has nothing to do"
    return do


def may_turn(kind: Kind, progress: Progress) -> bool:
    """Whether it can still be turned around: the pivot has not even been tried."""
    index = kind.index(progress.step)
    ahead = index < kind.pivot or (index == kind.pivot and progress.attempts == 0)
    return progress.state == "open" and progress.direction == "forward" and ahead


def move(
    kind: Kind,
    progress: Progress,
    about: UUID,
    case: Case,
    outcome: Outcome,
    *,
    now: datetime,
    pause: Callable[[int], float],
    wish: str | None = None,
) -> Move:
    """After a try of the present step. `pause`: seconds to wait after so many failures in a row.

    `wish`: why somebody wants it to turn around, honoured here if it still can.
    """
    index = kind.index(progress.step)
    step = kind.steps[index]
    entry = Entry(progress.step, progress.direction, outcome.kind, progress.attempts, outcome.reason)
    change = Change(case.learn(outcome.fact, now))
    again = replace(progress, failures=0, waiting=False, reason=outcome.reason)
    moved: Progress
    match progress.direction, outcome.kind:
        case ("back", "done"):
            return _back(kind, progress, about, change, index - 1, now, (entry,))
        case ("forward", "done"):
            change = change.then(lambda found: step.done(found, about, now))
            following = _forward(kind, change.case, about, index + 1)
            if following is None:
                moved = replace(again, state="done", next_at=now)
                change = change.then(lambda found: kind.done(found, about, now))
            else:
                moved = _at(kind, following, "forward", now)
        case ("forward", "refused") if index <= kind.pivot:
            # What was refused at once did not happen; after a try without an answer it may have.
            certain = progress.attempts == 1
            reason = outcome.reason or "refused"
            return _turn(kind, progress, about, change, index - certain, reason, now, (entry,))
        case ("forward", _) if index < kind.pivot and _over(step, progress, now):
            reason = f"{step.name}-timeout"
            return _turn(kind, progress, about, change, index, reason, now, (entry,))
        case ("forward", "pending"):
            next_at = now + timedelta(seconds=step.poll)
            if step.patience is not None and index < kind.pivot:
                next_at = min(next_at, progress.since + timedelta(seconds=step.patience))
            moved = replace(again, waiting=True, next_at=next_at)
        case _:  # unknown; and past the pivot, or when undoing, a refusal is no way out either
            failures = progress.failures + 1
            moved = replace(
                again,
                failures=failures,
                next_at=now + timedelta(seconds=pause(failures)),
                waiting=progress.waiting,
            )
    if wish is not None and may_turn(kind, moved):
        at = kind.index(moved.step)
        return _turn(kind, moved, about, change, at - (moved.attempts == 0), wish, now, (entry,))
    return Move(moved, change, (entry,))


def turned(kind: Kind, progress: Progress, about: UUID, case: Case, wish: str, now: datetime) -> Move:
    """Turned around between two tries, because somebody wishes it; only where `may_turn`."""
    index = kind.index(progress.step)
    return _turn(kind, progress, about, Change(case), index - (progress.attempts == 0), wish, now, ())


def stuck_at(kind: Kind, progress: Progress) -> datetime:
    """From when on it needs a person, if it is in the same step then."""
    step = kind.steps[kind.index(progress.step)]
    planned = max(timedelta(0), progress.next_at - progress.since) if progress.attempts == 0 else timedelta(0)
    allowed = step.expected if progress.direction == "back" else (step.patience or 0) + step.expected
    return progress.since + planned + timedelta(seconds=allowed)


def _at(kind: Kind, index: int, direction: Direction, now: datetime, cause: str | None = None) -> Progress:
    return Progress(kind.steps[index].name, direction, "open", now, now, cause=cause)


def _over(step: Step, progress: Progress, now: datetime) -> bool:
    return step.patience is not None and now >= progress.since + timedelta(seconds=step.patience)


def _forward(kind: Kind, case: Case, about: UUID, index: int) -> int | None:
    """The first step from there on that is needed."""
    steps = kind.steps
    return next(
        (at for at in range(index, len(steps)) if steps[at].do and steps[at].needed(case, about)), None
    )


def _backward(kind: Kind, case: Case, about: UUID, index: int) -> int | None:
    """The last step up to there that has something to undo."""
    steps = kind.steps
    return next((at for at in range(index, -1, -1) if steps[at].undo and steps[at].needed(case, about)), None)


def _turn(
    kind: Kind,
    progress: Progress,
    about: UUID,
    change: Change,
    index: int,
    reason: str,
    now: datetime,
    entries: Sequence[Entry],
) -> Move:
    """Around, to undo everything up to that index."""
    entry = Entry(progress.step, "back", "turned", progress.attempts, reason)
    change = change.then(lambda found: kind.turned(found, about, reason, now))
    around = replace(progress, direction="back", reason=reason, cause=reason)
    return _back(kind, around, about, change, index, now, (*entries, entry))


def _back(
    kind: Kind,
    progress: Progress,
    about: UUID,
    change: Change,
    index: int,
    now: datetime,
    entries: Sequence[Entry],
) -> Move:
    """At the next step that is to be undone, or at the end."""
    before = _backward(kind, change.case, about, index)
    if before is not None:
        return Move(_at(kind, before, "back", now, progress.cause), change, tuple(entries))
    ended = replace(progress, state="undone", next_at=now, attempts=0, failures=0, waiting=False)
    change = change.then(lambda found: kind.undone(found, about, progress.cause or "", now))
    return Move(ended, change, tuple(entries))


def unfitting(kinds: Sequence[Kind]) -> list[Any]:
    """What is wrong with the data: steps of the same name, more than one pivot, an undo after it."""
    problems: list[Any] = []
    for kind in kinds:
        names = [step.name for step in kind.steps]
        problems += [(kind.name, name, "twice") for name in set(names) if names.count(name) > 1]
        if sum(step.pivot for step in kind.steps) > 1:
            problems.append((kind.name, "more than one pivot"))
        problems += [
            (kind.name, step.name, "an undo past the pivot")
            for step in kind.steps[kind.pivot + 1 :]
            if step.undo
        ]
    return problems
