import os

# Read by TensorFlow when it is imported: nothing below warnings.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
