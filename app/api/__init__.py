"""Routes of the HTTP contract, one noun a file."""
