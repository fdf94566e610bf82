"""`make bench`: run the benchmarks, or those that are named: `make bench ARGS=list_pages`."""

import subprocess
import sys

ALL = (
    "list_pages",
    "access_rules",
    "refusals",
    "cards",
    "card_search",
    "registry_against_stock",
    "approval_to_prediction",
)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(ALL)}.")
        return 2
    statuses = [
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
        for name in names or ALL
    ]
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
