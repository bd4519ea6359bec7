"""From bytes to arrays: in the graph, and with Pillow to say what is wrong."""
