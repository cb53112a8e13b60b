"""What a network is to a kernel: its layers, activations and losses, and the forward process."""
