"""Serving: HTTP, prompts, generation, adapters and the composition root."""
