"""The vLLM engine in a process of its own, and the client that watches it."""
