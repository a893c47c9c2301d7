"""Vocabulary: pure, standard library only. No await, no SQL, no HTTP."""
