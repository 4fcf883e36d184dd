"""Records, store, embedder, vector index and retrieval; knows neither HTTP nor LLMs."""
