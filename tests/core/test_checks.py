"""What is misconfigured is said with what to do about it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from apps.core import checks

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "MLGOV_BASE_URL": "https://mlgov.example.com",
    "MLGOV_BEHIND_TLS": "true",
    "MLGOV_TRUSTED_PROXIES": "1",
    "MLGOV_SECRET_KEY": "6d1cfe3f2b8a4f0e9c7d5b3a1f2e4d6c8b0a9f8e7d6c5b4a39281706f5e4d3c2",
    "MLGOV_DATABASE_URL": "postgresql://mlgov:secret@db.example.com/mlgov",
    "MLGOV_BROKER_URL": "redis://redis.example.com:6379/0",
    "MLGOV_CACHE_URL": "redis://redis.example.com:6379/1",
    "MLGOV_TRACKING_URL": "http://mlflow.example.com:5000",
}


@pytest.fixture
def configured(settings):
    def change(**fields: object) -> None:
        settings.CONFIGURATION = settings.CONFIGURATION.model_copy(update=fields)

    return change


def ids(check) -> list[str]:
    found = check(app_configs=None)
    assert all(message.hint for message in found)
    return [message.id for message in found]


def test_what_is_configured_well_is_not_complained_about():
    for check in (
        checks.data_directory,
        checks.secret_key,
        checks.debug_pages,
        checks.base_url,
        checks.artifact_storage,
        checks.one_machine_or_several,
        checks.proxies,
    ):
        assert ids(check) == []


def test_a_data_directory_for_everybody_is_warned_of(settings, tmp_path):
    settings.MLGOV_DATA_DIR = tmp_path
    tmp_path.chmod(0o755)
    assert ids(checks.data_directory) == ["core.W001"]
    tmp_path.chmod(0o700)
    assert ids(checks.data_directory) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_directory_that_cannot_be_written_to_is_an_error(settings, tmp_path):
    settings.MLGOV_DATA_DIR = tmp_path
    tmp_path.chmod(0o500)
    assert ids(checks.data_directory) == ["core.E001"]


def test_a_short_secret_key_is_an_error_outside_debugging(settings):
    settings.SECRET_KEY = "changeme"
    assert ids(checks.secret_key) == ["core.E002"]
    settings.DEBUG = True
    assert ids(checks.secret_key) == []


@pytest.mark.parametrize(("bind", "found"), [("0.0.0.0", ["core.E003"]), ("127.0.0.1", [])])
def test_debug_pages_stay_on_this_machine(settings, configured, bind, found):
    settings.DEBUG = True
    configured(bind=bind)
    assert ids(checks.debug_pages) == found


@pytest.mark.parametrize(
    ("url", "behind_tls", "found"),
    [
        ("mlgov.example.com", False, ["core.E004"]),
        ("https://mlgov.example.com", False, ["core.W002"]),
        ("http://mlgov.example.com", True, ["core.W003"]),
        ("https://mlgov.example.com", True, []),
        ("http://127.0.0.1:8000", True, []),
    ],
)
def test_base_url_and_tls_have_to_agree(settings, configured, url, behind_tls, found):
    settings.MLGOV_BASE_URL = url
    configured(behind_tls=behind_tls)
    assert ids(checks.base_url) == found


@pytest.mark.parametrize(
    ("url", "behind_tls", "found"),
    [
        ("", True, []),
        ("https://mlflow.example.com", True, []),
        ("http://mlflow.localhost:8000", False, []),
        ("mlflow.example.com", False, ["core.E009"]),
        ("https://mlflow.example.com/pages", True, ["core.E009"]),
        ("https://ada@mlflow.example.com", True, ["core.E009"]),
        ("http://mlflow.example.com", True, ["core.E009"]),
        ("https://mlgov.example.com:8443", True, ["core.E009"]),
        ("https://also.example.com", True, ["core.E009"]),
        ("http://localhost:8000", False, ["core.E009"]),
    ],
)
def test_mlflows_pages_have_a_host_name_of_their_own(settings, configured, url, behind_tls, found):
    settings.MLGOV_BASE_URL = "https://mlgov.example.com"
    settings.MLGOV_MLFLOW_PAGES = url
    configured(behind_tls=behind_tls, allowed_hosts=["Also.example.com"])
    assert ids(checks.mlflow_pages) == found


def test_s3_needs_a_bucket(configured):
    configured(artifacts_storage="s3")
    assert "core.E005" in ids(checks.artifact_storage)
    configured(artifacts_storage="s3", s3_bucket="models")
    assert "core.E005" not in ids(checks.artifact_storage)


def test_s3_needs_credentials_of_its_own_and_an_address(configured, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody's")
    configured(artifacts_storage="s3", s3_bucket="models", s3_access_key_id="ours")
    assert ids(checks.artifact_storage) == ["core.E007"]
    configured(s3_secret_access_key=SecretStr("secret"), s3_endpoint_url="minio:9000")
    assert ids(checks.artifact_storage) == ["core.E008"]
    configured(s3_endpoint_url="http://minio:9000")
    assert ids(checks.artifact_storage) == []


def test_a_file_is_no_database_for_several_machines(configured):
    configured(broker_url="redis://redis.example.com/0", database_url="")
    assert ids(checks.one_machine_or_several) == ["core.W004"]


def test_a_proxy_that_nobody_trusts_is_warned_of(configured):
    configured(behind_tls=True, trusted_proxies=0)
    assert ids(checks.proxies) == ["core.W005"]


@pytest.mark.slow
def test_a_production_configuration_has_no_warning(product_environment):
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    found = subprocess.run(
        command,
        cwd=ROOT,
        env={**product_environment, **PRODUCTION},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stderr.strip()) == (0, "")
