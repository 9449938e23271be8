"""How many tokens a text is to a model, counted here and without the network."""
