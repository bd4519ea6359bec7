"""Exported files that are asked for what they cannot do: an error, and no more.

Each in a process of its own, which one wrong request could end.
"""

import json
import subprocess
import sys

import pytest

from tests.commands import ROOT
from tests.export import exported

HEIGHT, WIDTH = exported.SIZE
RIGHT = (1, HEIGHT, WIDTH, 3)
GREY = (1, HEIGHT, WIDTH, 1)
WRONG = [
    (HEIGHT, WIDTH, 3),
    (HEIGHT, WIDTH),
    (),
    (1, 1, HEIGHT, WIDTH, 3),
    GREY,
    (1, HEIGHT, WIDTH, 4),
    (1, HEIGHT, WIDTH, 0),
    (1, 3, HEIGHT, WIDTH),
]
CODE = """
import json, sys
import numpy as np
path, shapes = sys.argv[1], json.loads(sys.argv[2])
if path.endswith(".onnx"):
    import onnxruntime
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    ask = lambda image: session.run(["labels"], {"image": image})[0]
elif path.endswith(".tflite"):
    from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter(model_path=path)
    runner = interpreter.get_signature_runner("serving_default")
    ask = lambda image: runner(image=image)["labels"]
else:
    import tensorflow as tf
    model = tf.saved_model.load(path)
    serve = model.signatures["serving_default"]
    ask = lambda image: serve(image=tf.constant(image))["labels"].numpy()
answers = []
for shape in shapes:
    try:
        answers.append(list(ask(np.zeros(shape, np.uint8)).shape))
    except Exception as error:
        answers.append(type(error).__name__)
print(json.dumps(answers))
"""


@pytest.fixture(params=["saved_model", "tflite", "onnx"])
def path(request, saved_model_folder, tflite_folder, onnx_file):
    return {
        "saved_model": saved_model_folder / "1",
        "tflite": tflite_folder / "none.tflite",
        "onnx": onnx_file,
    }[request.param]


@pytest.mark.slow
def test_wrong_shapes_are_errors_and_the_process_lives_on(path):
    shapes = json.dumps([RIGHT, *WRONG, RIGHT])
    result = subprocess.run(
        [sys.executable, "-c", CODE, str(path), shapes],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, (result.returncode, result.stderr[-2000:])
    first, *answers, last = json.loads(result.stdout.splitlines()[-1])
    assert first == last == [1, HEIGHT, WIDTH]
    answered = [
        (shape, answer)
        for shape, answer in zip(WRONG, answers, strict=True)
        if not isinstance(answer, str)
        # LiteRT's Python interface gives a .tflite file's input the shape that comes,
        # and one channel is broadcast to three: the file itself cannot refuse it.
        and not (path.suffix == ".tflite" and shape == GREY)
    ]
    assert answered == []
