"""What is looked at before a request reaches its view: how long its body is."""

from django.http import HttpRequest

from apps.core.doors import KB, MB, Door
from apps.core.errors import TooLarge

CHUNK = 256 * KB
# So much of a refused body is read, so that the sender is still there for the answer.
READ_AND_FORGOTTEN = 32 * MB


def require_length(request: HttpRequest, door: Door) -> None:
    """Raise `TooLarge` for a body that says of itself that it is too long.

    One that does not say how long it is, is empty for Django; what reads the server's own stream
    measures it there.
    """
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isascii() and length.isdigit() and int(length) > door.body:
        most = f"{door.body // MB} MB" if door.body >= MB else f"{door.body // KB} KB"
        raise TooLarge(f"The body is larger than {most}.")


def forget_body(request: HttpRequest) -> None:
    left = READ_AND_FORGOTTEN
    try:
        while left > 0 and (chunk := request.read(CHUNK)):
            left -= len(chunk)
    except (OSError, ValueError):
        pass
