"""Asks an exported file for images of many shapes, as a server would be asked.

python -m tests.export.ask FILE_OR_FOLDER "[[1, 32, 64, 3], [32, 64, 3]]"

Prints for each shape that of the labels, or the name of the exception.
"""

import json
import sys

import numpy as np


def function_of(path):
    """A function from images to labels."""
    if path.endswith(".onnx"):
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return lambda image: session.run(["labels"], {"image": image})[0]
    if path.endswith(".tflite"):
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=path)
        runner = interpreter.get_signature_runner("serving_default")
        # The interpreter has to live as long.
        return lambda image, _=interpreter: runner(image=image)["labels"]
    import tensorflow as tf

    model = tf.saved_model.load(path)
    serve = model.signatures["serving_default"]
    return lambda image, _=model: serve(image=tf.constant(image))["labels"].numpy()


def main(path, shapes):
    ask = function_of(path)
    for shape in shapes:
        try:
            print(json.dumps(ask(np.zeros(shape, np.uint8)).shape))  # noqa: T201
        except Exception as error:
            print(json.dumps(type(error).__name__))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
