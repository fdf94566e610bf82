"""Becomes the given command, and has Linux end it when the process that started it is gone.

    python tethered.py <pid of the starter> <command> [<argument> ...]

A program of its own, and not a `preexec_fn`: between fork and exec a process with threads may run
almost nothing safely. It imports only what it needs, because every child waits for it.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    starter, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != starter:  # it died before the line above
            return
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
