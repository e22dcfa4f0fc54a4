"""Two programs on random packets and rules, by the ten thousand, until they do different things."""
