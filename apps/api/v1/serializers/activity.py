from rest_framework import serializers


class Event(serializers.Serializer):
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField(source="actor_name")
    actor_id = serializers.IntegerField(allow_null=True)
    action = serializers.CharField()
    object_type = serializers.CharField()
    object_id = serializers.CharField()
    object_name = serializers.CharField()
    reason = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]
    request_id = serializers.CharField()
    ip = serializers.CharField()
    via = serializers.CharField()


class EventPage(serializers.Serializer):
    next = serializers.URLField(allow_null=True)
    results = Event(many=True)


class ActivityQuery(serializers.Serializer):
    project = serializers.CharField(required=False, max_length=50)
    actor = serializers.CharField(required=False, max_length=150, help_text="A user name.")
    action = serializers.CharField(
        required=False, max_length=60, help_text="`review.approve`, or all of `review`."
    )
    object_type = serializers.CharField(required=False, max_length=60)
    object_id = serializers.CharField(required=False, max_length=60)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    before = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="Only events before this id."
    )
    limit = serializers.IntegerField(required=False, default=50, min_value=1, max_value=200)
