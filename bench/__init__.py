"""One file a figure, each a ratio measured against its rival in the same run: `make bench`."""
