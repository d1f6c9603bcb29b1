"""The walk over all commands as a fuzzer, so that it runs in the same children."""

from tests.fuzz.hostile import HOSTILE

__all__ = ["HOSTILE"]
