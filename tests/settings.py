"""The product's settings, with a data directory of their own and nothing of the developer's.

pytest-django reads settings before any conftest, so this is where the environment is cleared.
"""

import os
import tempfile
from pathlib import Path

_KEPT = ("MLGOV_TEST_", "MLGOV_REQUIRE", "MLGOV_UV")
for _name in [name for name in os.environ if name.startswith("MLGOV_")]:
    if not _name.startswith(_KEPT):
        del os.environ[_name]

# Held by this name, so that it lasts as long as the tests.
_data_dir = tempfile.TemporaryDirectory(prefix="mlgov-tests-", ignore_cleanup_errors=True)
os.environ["MLGOV_DATA_DIR"] = _data_dir.name
os.environ["MLGOV_LOG_FORMAT"] = "console"
# Triggers would refuse to empty the tables after a test; the test of the triggers installs them.
os.environ["MLGOV_AUDIT_TRIGGERS"] = "false"
# Tests take each other's accounts: their requests would be counted as those of one person.
os.environ["MLGOV_RATE_LIMITS"] = "false"
if os.environ.get("MLGOV_TEST_DATABASE") == "postgres":
    os.environ["MLGOV_DATABASE_URL"] = os.environ["MLGOV_TEST_POSTGRES_URL"]
# A file, as in the product: several threads and processes read and write it.
os.environ["MLGOV_TEST_SQLITE"] = str(Path(_data_dir.name) / "test.sqlite3")

from mlgov.settings import *
from mlgov.settings import DATABASES

# Slow on purpose in production; here only the result counts.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Clients of the live server keep their connections to it, and with each of them a thread: what that
# thread holds of the database would still be there when the test database is to be dropped.
DATABASES["default"]["CONN_MAX_AGE"] = 0
