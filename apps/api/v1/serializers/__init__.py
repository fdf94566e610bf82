"""Shapes of what goes in and out. Input serializers know types and what is required, no rules."""
