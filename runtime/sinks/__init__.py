"""Sinks: where results and events go."""
