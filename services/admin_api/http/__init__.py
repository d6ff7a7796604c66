"""Rules that every route shares: who may call, how requests are read, how replies look."""
