"""One interface for everything that predicts; images of any size, video, scoring."""
