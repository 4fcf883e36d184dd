"""Two systems' answers to the same questions, scored beside each other."""
