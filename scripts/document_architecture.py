"""Writes the pictures and tables of the documentation anew, from the code.

    python -m scripts.document_architecture [--check]

With `--check` nothing is written; the exit status is 1 where something is out of date.
"""

import argparse
import os
import sys
import tempfile

import django

with tempfile.TemporaryDirectory(prefix="mlgov-docs-") as _directory:
    # Settings make their data directory; documents need none.
    os.environ["MLGOV_DATA_DIR"] = _directory
    os.environ["DJANGO_SETTINGS_MODULE"] = "mlgov.settings"
    django.setup()

from scripts import generated


def main() -> int:
    parser = argparse.ArgumentParser(description="Write what documents take from the code.")
    parser.add_argument("--check", action="store_true", help="only say what is out of date")
    check = parser.parse_args().check
    outdated = [
        (path, text)
        for path, text in generated.files().items()
        if not path.exists() or path.read_text() != text
    ]
    for path, text in outdated:
        print(f"{'out of date' if check else 'written'}: {path.relative_to(generated.ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if not outdated:
        print("The documentation says what the code says.")
    return 1 if check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
