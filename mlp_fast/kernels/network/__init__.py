"""Networks as kernels see them: layers, activations, losses, and the forward pass."""
