"""The chat page: static files and nothing else."""
