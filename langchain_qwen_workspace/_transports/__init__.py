"""How bytes travel: one module per SDK, each a carrier of JSON."""
