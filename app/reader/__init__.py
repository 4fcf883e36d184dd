"""Reads passages for a question: which words answer it, and how sure that is."""
