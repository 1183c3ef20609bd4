"""`shop-operator diff`: what would change, and nothing written."""

import subprocess
import sys

import pytest
import yaml

pytestmark = pytest.mark.apiserver


async def test_diff_tells_what_would_change_and_changes_nothing(cluster, operator, tmp_path) -> None:
    def diff(*, code: int = 1, **spec) -> list[str]:
        file = tmp_path / "cart.yaml"
        file.write_text(yaml.safe_dump(cluster.manifest("cart", **spec)))
        command = [
            sys.executable,
            "-c",
            "from shop_operator.cli.main import main; raise SystemExit(main())",
            "diff",
            str(file),
        ]
        answer = subprocess.run(command, env=operator.env, capture_output=True, text=True)
        assert answer.returncode == code, answer.stderr
        return [line.removeprefix(f"{cluster.namespace}/cart").strip() for line in answer.stdout.splitlines()]

    ports = [{"name": "http", "port": 8080}]
    before = diff(ports=ports)
    assert {"+ Deployment cart", "+ Service cart"} <= set(before)
    assert {call.split()[0] for call in cluster.calls()} <= {"get", "list"}
    await operator.start()
    await cluster.apply("cart", ports=ports)
    await cluster.until_reconciled("cart")
    assert diff(code=0, ports=ports) == []
    assert diff(ports=ports, replicas=0) == ["~ Deployment cart: spec.replicas"]
    assert "- Service cart" in diff()
    # As of `kubectl diff`: an error is told apart from a difference.
    operator.kubeconfig.write_text(
        operator.kubeconfig.read_text().replace("https://", "https://127.0.0.2:1/")
    )
    assert diff(code=2, ports=ports) == []
