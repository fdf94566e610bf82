import pytest
from django.test import RequestFactory

from apps.core.middleware import client_address


@pytest.fixture
def proxies(settings):
    def set_to(number: int) -> None:
        settings.CONFIGURATION = settings.CONFIGURATION.model_copy(
            update={"trusted_proxies": number}
        )

    return set_to


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "203.0.113.9"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "x" * 300, "127.0.0.1"),
        (1, "<script>", "127.0.0.1"),
    ],
)
def test_only_trusted_proxies_say_whom_they_speak_for(proxies, trusted, forwarded, address):
    proxies(trusted)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert client_address(RequestFactory().get("/", headers=headers)) == address


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abcd-1234", True), ("x", False), ("a b\tc-12345", False), ("é" * 9, False)],
)
def test_a_request_id_is_taken_over_where_it_is_harmless(client, given, kept):
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer["X-Request-ID"] == given) == kept
    assert answer["X-Request-ID"]


def test_every_answer_has_a_content_policy(client):
    policy = client.get("/healthz")["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("address", "key", "code"),
    [
        ("/api/2.0/mlflow/runs/get?run_id=%00", "error_code", "INVALID_PARAMETER_VALUE"),
        ("/api/2.0/mlflow/runs/%00", "error_code", "INVALID_PARAMETER_VALUE"),
        ("/api/3.0/mlflow/traces/%00", "error_code", "INVALID_PARAMETER_VALUE"),
        ("/api/v1/projects/%00", "code", "invalid"),
        ("/?q=%00", "code", "invalid"),
    ],
)
def test_a_nul_in_the_address_is_refused_in_the_format_of_who_asks(client, address, key, code):
    answer = client.get(address)
    sentence = "The address holds a NUL character."
    assert (answer.status_code, answer.json()) == (400, {key: code, "message": sentence})
