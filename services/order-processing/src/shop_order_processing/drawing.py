"""The sagas as the README shows them, drawn from their data: `python -m shop_order_processing.drawing`."""

from shop_order_processing.calls import Call
from shop_order_processing.machine import Kind, Local, Step
from shop_order_processing.sagas import KINDS, ORDER


def mermaid(kind: Kind) -> str:
    """Forward and back; thick arrows are past the pivot, from where nothing turns back."""
    steps = [step for step in kind.steps if step.do]
    undone = [step for step in kind.steps if step.undo]
    lines = ["flowchart LR"]
    for index, step in enumerate(steps):
        lines.append(f'    {step.name}["{step.name}<br/>{_asked(step.do)}"]')
        if index:
            before = steps[index - 1]
            arrow = "==>" if kind.index(step.name) > kind.pivot else "-->"
            lines.append(f"    {before.name} {arrow} {step.name}")
    lines += [f'    {_undo(step)}("undo {step.name}<br/>{_asked(step.undo)}")' for step in undone]
    lines.append(f"    {steps[-1].name} ==> done(((done)))")
    for later, earlier in zip(reversed(undone), [*reversed(undone[:-1]), None], strict=True):
        lines.append(f"    {_undo(later)} --> {_undo(earlier) if earlier else 'undone(((undone)))'}")
    for step in steps:
        if kind.index(step.name) > kind.pivot:
            continue
        reach = [each for each in undone if kind.index(each.name) < kind.index(step.name)]
        target = _undo(reach[-1]) if reach else "undone(((undone)))"
        lines.append(f"    {step.name} -. refused .-> {target}")
        if step.undo:
            lines.append(f"    {step.name} -. no answer, or cancelled .-> {_undo(step)}")
    return "\n".join(lines)


def table() -> str:
    """All kinds: steps in their order, what undoes them in brackets, the pivot in bold."""
    rows = ["| saga | what it is | steps |", "|---|---|---|"]
    for kind in KINDS.values():
        steps = " → ".join(_step(kind, step) for step in kind.steps)
        rows.append(f"| {kind.name} | {kind.title} | {steps} |")
    return "\n".join(rows)


def _step(kind: Kind, step: Step) -> str:
    named = f"**{step.name}**" if kind.turns and kind.steps[kind.pivot] is step else step.name
    return f"{named} (undone by {_asked(step.undo)})" if step.undo else named


def _undo(step: Step) -> str:
    return f"undo_{step.name}"


def _asked(action: Call | Local | None) -> str:
    """`warehouse PUT reservations`, `payment POST payments:capture`."""
    if not isinstance(action, Call):
        return "here"
    parts = action.route.removeprefix("/internal/").split("/")
    things = [part for part in parts if not part.startswith("{")]
    verb = parts[-1].partition("}:")[2]
    return f"{action.callee} {action.method} {'/'.join(things)}" + (f":{verb}" if verb else "")


if __name__ == "__main__":
    print(f"```mermaid\n{mermaid(ORDER)}\n```\n\n{table()}")
