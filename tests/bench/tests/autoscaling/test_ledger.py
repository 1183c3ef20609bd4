"""What was measured once is not measured again."""

from pathlib import Path
from typing import Any

from shop_bench.autoscaling.ledger import Ledger


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    file, made = tmp_path / "ledger.jsonl", []

    def measure() -> dict[str, Any]:
        made.append(1)
        return {"row": "step", "round": len(made)}

    ledger = Ledger(file)
    assert ledger.once("a", measure) == ledger.once("a", measure) == {"row": "step", "round": 1}
    with file.open("a") as torn:
        torn.write('["b", {"row": "st')
    again = Ledger(file)
    assert "a" in again
    assert "b" not in again
    assert again.once("a", measure)["round"] == 1
    assert again.once("b", measure)["round"] == 2
    assert Ledger(file).once("b", measure)["round"] == 2
    again.forget()
    assert Ledger(file).once("a", measure)["round"] == 3
