"""From sources to committed chunks: fetch, extract, chunk, embed, commit."""
