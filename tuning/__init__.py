"""Trains the small models that the service is shipped with, on public data."""
