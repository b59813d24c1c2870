"""Clock, transport and randomness, real or virtual."""
