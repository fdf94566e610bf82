"""What sign-on providers call."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.accounts import back_channel
from apps.core.errors import Invalid, NotFound, Unavailable

STATUS: dict[type[Exception], int] = {Invalid: 400, NotFound: 404, Unavailable: 503}


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
