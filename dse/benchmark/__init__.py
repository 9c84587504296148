"""Is the search any good? A sub-space that was measured whole, and samplers compared on it."""
