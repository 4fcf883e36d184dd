"""The `simurgh` command, one noun a file."""
