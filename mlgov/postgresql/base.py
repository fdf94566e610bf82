"""Django's PostgreSQL backend, with fewer round trips for what is asked many times a second."""

import select
from typing import Any

from django.db.backends.postgresql import base


class PreparingCursor(base.ServerBindingCursor):
    """Statements are planned by the server once for each connection, and kept there."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        # Django turns preparing off for a connection, and then `prepare` is passed over in silence.
        # Not left on: the driver would count, and so keep, the text of every other statement.
        connection: Any = self.connection  # type: ignore[attr-defined] # stubs lack it
        connection.prepare_threshold = 0
        try:
            return super().execute(query, params, prepare=True, **options)  # type: ignore[misc]
        finally:
            connection.prepare_threshold = None


class DatabaseWrapper(base.DatabaseWrapper):
    def init_connection_state(self) -> None:
        super().init_connection_state()
        if self.settings_dict.get("PREPARES", True):
            # PostgreSQL plans a statement five times before it keeps a plan, and forgets it where a
            # transaction is rolled back, as each refusal does. Ours are kept as soon as they are
            # prepared: those that one plan is no good for are not prepared.
            with self.connection.cursor() as cursor:
                cursor.execute("SET plan_cache_mode = force_generic_plan")

    def is_usable(self) -> bool:
        """Whether a kept connection can be used again.

        Asked before each request, so it is not worth a query: a server that has ended has closed
        its side, which shows as something to read. After an error, and where there is something to
        read, the server is asked.
        """
        if self.connection is None or self.errors_occurred or self._has_something_to_read():
            return bool(super().is_usable())
        return True

    def _has_something_to_read(self) -> bool:
        try:
            poll = select.poll()
            poll.register(self.connection.fileno(), select.POLLIN)
            return bool(poll.poll(0))
        except Exception:  # closed already: Django's own check says so
            return True

    def preparing_cursor(self) -> Any:
        """A cursor for statements whose text stays the same; as `cursor` apart from that."""
        if not self.settings_dict.get("PREPARES", True):
            return self.cursor()
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            cursor = PreparingCursor(self.connection)  # type: ignore[call-arg]
            return self._prepare_cursor(cursor)  # type: ignore[attr-defined]
