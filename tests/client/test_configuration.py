"""Where the client finds mlgov, and what it does with the token."""

import pytest

from mlgov_client import Client, Misused
from mlgov_client.configuration import Configuration

MLFLOW = {"MLFLOW_TRACKING_URI": "https://mlgov.example.com/", "MLFLOW_TRACKING_TOKEN": "mlf"}


def read(environ: dict[str, str], **given: str) -> tuple[str, str]:
    found = Configuration.read(environ=environ, **given)
    return found.url, found.token


def test_what_mlflow_uses_is_enough():
    assert read(MLFLOW) == ("https://mlgov.example.com", "mlf")


def test_its_own_variables_win_and_arguments_win_over_those():
    environ = {**MLFLOW, "MLGOV_URL": "https://b.example.com/mlgov/", "MLGOV_TOKEN": " own\n"}

    assert read(environ) == ("https://b.example.com/mlgov", "own")
    assert read(environ, url="http://[::1]:8000", token="t") == ("http://[::1]:8000", "t")


def test_beside_another_tracking_server_mlgov_is_the_registry():
    environ = {**MLFLOW, "MLFLOW_REGISTRY_URI": "https://registry.example.com"}

    assert read(environ)[0] == "https://registry.example.com"


def test_a_password_works_as_with_mlflow():
    assert read({"MLFLOW_TRACKING_URI": "https://me:p%40ss@h.example.com:8443/x"}) == (
        "https://h.example.com:8443/x",
        "p@ss",
    )
    environ = {"MLFLOW_TRACKING_URI": "https://h", "MLFLOW_TRACKING_PASSWORD": "pat"}
    assert read(environ) == ("https://h", "pat")


def test_the_token_of_mlflow_is_not_given_to_another_host():
    with pytest.raises(Misused, match="Set MLGOV_TOKEN"):
        Configuration.read("https://elsewhere.example.com", environ=MLFLOW)


@pytest.mark.parametrize(
    "url",
    [
        *("sqlite:///mlflow.db", "databricks", "./mlruns", "https://", "ftp://h", "http://h:x"),
        *("http://[", "https://h?a=b", "file:///tmp/mlruns"),
    ],
)
def test_an_address_of_something_else_is_refused_without_repeating_it(url):
    with pytest.raises(Misused) as refusal:
        Configuration.read(environ={"MLFLOW_TRACKING_URI": url, "MLGOV_TOKEN": "t"})

    assert refusal.value.message == (
        "The value of MLFLOW_TRACKING_URI is no address of mlgov. It starts with https:// or "
        "http://, for example https://mlgov.example.com; set MLGOV_URL to it."
    )


def test_without_an_address_or_a_token_it_says_what_to_set():
    with pytest.raises(Misused, match="Set MLGOV_URL"):
        Configuration.read(environ={})
    with pytest.raises(Misused, match=r"Set MLGOV_TOKEN .* at https://h\."):
        Configuration.read(environ={"MLGOV_URL": "https://h"})


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "schön"])
def test_a_token_that_was_copied_badly_is_refused_without_showing_it(token):
    with pytest.raises(Misused) as refusal:
        Configuration.read("https://h", token, environ={})

    assert token not in str(refusal.value)


def test_the_token_is_not_shown():
    configuration = Configuration.read("https://h", "secret-token", environ={})
    client = Client("https://h", "secret-token")

    assert "secret" not in f"{configuration!r} {client!r} {vars(client.transport)!r}"


def test_certificates_are_those_of_mlflow():
    environ = {**MLFLOW, "MLFLOW_TRACKING_SERVER_CERT_PATH": "/ca.pem"}
    insecure = {**MLFLOW, "MLFLOW_TRACKING_INSECURE_TLS": "true"}

    assert Configuration.read(environ=environ).verify == "/ca.pem"
    assert Configuration.read(environ=insecure).verify is False
    assert Configuration.read(environ=MLFLOW).verify is True
