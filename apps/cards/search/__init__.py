"""Finding cards by what they say: `asking` reads a question, `finding` answers it."""
