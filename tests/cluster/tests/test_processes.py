"""What has precedence on a busy machine."""

import os
import subprocess
from pathlib import Path

import pytest
from kindlocal.processes import PRECEDENCE, precede


@pytest.mark.skipif(os.geteuid() != 0, reason="the kernel lets root alone go before others")
def test_a_session_precedes_and_so_does_what_it_starts() -> None:
    with subprocess.Popen(
        ["sh", "-c", "read go; nice"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as leader:
        precede(leader.pid)
        group = Path(f"/proc/{leader.pid}/autogroup")
        assert not group.exists() or group.read_text().split()[-2:] == ["nice", str(PRECEDENCE)]
        said, _ = leader.communicate("go\n")
    assert int(said) == PRECEDENCE
