"""Vocabulary: pure, standard library and msgspec only. No await, no SQL, no HTTP."""
