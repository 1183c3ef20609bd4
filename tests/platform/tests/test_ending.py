"""A command that is told to end takes along what it started."""

import os
import select
import signal
import subprocess
import sys

# The program speaks once whoever started it is surely waiting for it: told to end within the milliseconds of
# starting another one, a command does not know of it yet.
PROGRAM = """
import sys
from shop_platform import cli, toolchain
from shop_platform.process import run
toolchain.ensure = lambda: run(["sh", "-c", "sleep 1; echo $$; exec sleep 600"], shown=True)
sys.argv = ["shop-platform", "tools"]
cli.main()
"""


def test_sigterm_ends_what_runs_too():
    command = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    started = os.pidfd_open(int(command.stdout.readline()))
    command.send_signal(signal.SIGTERM)
    said, _ = command.communicate(timeout=20)
    assert said == "interrupted\n"
    assert command.returncode == 130
    assert select.select([started], [], [], 10)[0], "what it started lives on"
    os.close(started)
