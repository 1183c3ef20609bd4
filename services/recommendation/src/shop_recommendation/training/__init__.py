"""How a model is made of what shoppers did. It alone imports numpy: the process that answers does not."""
