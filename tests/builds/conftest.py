from tests.builds.parts import in_memory_parts

__all__ = ["in_memory_parts"]
