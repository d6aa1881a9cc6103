"""Output that nobody reads, or that can't be written."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from autoencoder.commandline import output
output.keep()
for _ in range(3):
    print("é" * 100_000)
open("/dev/null")
print("end", file=sys.stderr)
"""


def run(shell: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", f'set -o pipefail; "$0" -c "$1" {shell}', sys.executable, PROGRAM]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@pytest.mark.parametrize("shell", ["| head -c 6", "> /dev/full", ">&-", "<&- >&-"])
def test_a_program_goes_on_and_its_status_is_its_own(shell: str) -> None:
    done = run(shell)
    assert done.returncode == 0
    assert done.stderr == "end\n"


def test_output_that_is_read_is_whole_and_errors_may_be_closed() -> None:
    assert run("2>&-").stdout == ("é" * 100_000 + "\n") * 3
