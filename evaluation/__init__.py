"""What Simurgh gets right, measured on the whole stack and beside its peers in one run: `make eval`."""
