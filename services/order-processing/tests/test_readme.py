"""The README is drawn from the data, and names every state."""

from pathlib import Path

import pytest
from shop_contracts.order_processing.api import OrderState
from shop_order_processing.drawing import mermaid, table
from shop_order_processing.sagas import KINDS, ORDER

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("drawn", [f"```mermaid\n{mermaid(ORDER)}\n```", table()])
def test_what_is_drawn_is_the_data(drawn: str) -> None:
    assert drawn in README, "paste what `python -m shop_order_processing.drawing` prints"


def test_every_state_and_saga_is_explained() -> None:
    for name in [*OrderState, *KINDS]:
        assert f"| `{name}` |" in README or f"| {name} |" in README
