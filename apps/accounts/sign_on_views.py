"""What sign-on providers call."""

from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.accounts import back_channel, security_events
from apps.core.errors import Invalid, NotFound, Unavailable

STATUS: dict[type[Exception], int] = {Invalid: 400, NotFound: 404, Unavailable: 503}
# RFC 8935, 2.4. Refusals that have no code of their own say that the request is wrong.
CODES = {
    **{code: code for code in ("invalid_key", "invalid_issuer", "invalid_audience")},
    "authentication_failed": "authentication_failed",
    # Whether the provider sent it cannot be said as long as it does not tell its keys.
    Unavailable.code: "authentication_failed",
}


# The provider's signature stands in for a cookie.
@csrf_exempt
@never_cache
@require_POST
def back_channel_logout(request: HttpRequest, provider: str) -> JsonResponse:
    try:
        back_channel.sign_out(request, provider, request.POST.get("logout_token", ""))
    except (Invalid, NotFound, Unavailable) as refusal:
        said = {"error": "invalid_request", "error_description": refusal.message}
        return JsonResponse(said, status=STATUS[type(refusal)])
    return JsonResponse({})


@csrf_exempt
@never_cache
@require_POST
def hear_security_event(request: HttpRequest, provider: str) -> HttpResponse:
    try:
        security_events.hear(request, provider, _token_in(request))
    except (Invalid, NotFound, Unavailable) as refusal:
        err = CODES.get(refusal.code, "invalid_request")
        said = JsonResponse(
            {"err": err, "description": refusal.message}, status=STATUS[type(refusal)]
        )
        said["Content-Language"] = "en"
        return said
    return HttpResponse(status=202)


def _token_in(request: HttpRequest) -> str:
    if request.content_type != security_events.CONTENT_TYPE:
        raise Invalid(f"Send one token, as {security_events.CONTENT_TYPE}.")
    try:
        return request.body.decode("ascii").strip()
    except UnicodeDecodeError:
        raise Invalid("Send one signed token.") from None
    except UnreadablePostError:
        raise Invalid("The body of the request ended too early.") from None
