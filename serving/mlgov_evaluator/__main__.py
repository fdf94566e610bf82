"""python -m mlgov_evaluator DIRECTORY ADDRESS

The directory holds `job.json` and `data`; `report.json` or `failure.json` is written to it.
"""

import json
import sys
import time
from pathlib import Path

from mlgov_evaluator import report
from mlgov_evaluator.failures import Failure
from mlgov_evaluator.job import Job
from mlgov_evaluator.server import Server

FAILED = 3


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is the log


def main(arguments: list[str]) -> int:
    home, address = Path(arguments[0]), arguments[1]
    started = time.monotonic()
    try:
        job = Job.read(home / "job.json")
        made = report.make(job, home / "data", Server(address, say), say)
        text = json.dumps(made, allow_nan=False, sort_keys=True)
    except Failure as failure:
        told = {"code": failure.code, "text": failure.text, "remedy": failure.remedy}
        _write(home / "failure.json", json.dumps(told))
        return FAILED
    _write(home / "report.json", text)
    say(f"The report is ready after {time.monotonic() - started:.1f} seconds.")
    return 0


def _write(path: Path, text: str) -> None:
    half = path.with_suffix(".half")
    half.write_text(text, encoding="utf-8")
    half.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
