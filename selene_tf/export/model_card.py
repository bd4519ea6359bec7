"""The page that travels with an exported network."""

_FORMATS = {"saved_model": "SavedModel", "tflite": "TensorFlow Lite", "onnx": "ONNX"}
_NUMBERS = {
    "none": "float32 throughout",
    "float16": "weights kept as float16, computed in float32",
    "dynamic": "weights of eight bits; the rest float32, or quantized as it runs",
    "int8": "weights and features of eight bits, ranges from calibration images",
}
_GATES = {
    "folded": " The gates are folded into the weights: every image takes the same "
    "routes.",
    "kept": " The gates are kept: every image chooses its routes.",
    # A network that has none.
    None: "",
}
_CALLS = {
    "saved_model": """\
import tensorflow as tf

model = tf.saved_model.load("FOLDER/VERSION")
outputs = model.signatures["serving_default"](image=tf.constant(images))
labels = outputs["labels"].numpy()""",
    "tflite": """\
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter("FILE.tflite")
run = interpreter.get_signature_runner("serving_default")
labels = run(image=images)["labels"]""",
    "onnx": """\
import onnxruntime

session = onnxruntime.InferenceSession("FILE.onnx")
labels, logits = session.run(["labels", "logits"], {"image": images})""",
}


def card(metadata):
    """Writes the model card of an exported network, in Markdown.

    Args:
        metadata: What `complete_metadata` returned; with "check", what
            `agreement.compare` returned, if there is one.
    """
    sections = [
        _heading(metadata),
        _classes(metadata),
        _training(metadata),
        _costs(metadata),
        _agreement(metadata),
        _use(metadata),
        _limits(metadata),
        f"## Licence\n\n{metadata['licence'] or 'Not stated by who exported it.'}",
        _versions(metadata),
    ]
    return "\n\n".join(sections) + "\n"


def _heading(metadata):
    numbers = _NUMBERS[metadata["quantization"]]
    gates = _GATES[metadata["gates"]]
    path = f" It was cut to a path: {metadata['path']}." if metadata["path"] else ""
    return (
        f"# Segmentation network, {_FORMATS[metadata['format']]}\n\n"
        f"Gives each pixel of an image one of {len(metadata['class_names'])} classes. "
        f"Searched and trained with selene_tf.{gates}{path} Numbers: {numbers}."
    )


def _classes(metadata):
    rows = []
    named = zip(metadata["class_names"], metadata["colours"], strict=True)
    for number, (name, colour) in enumerate(named):
        shown = "#" + "".join(f"{part:02x}" for part in colour)
        score = metadata["iou"].get(name)
        iou = "absent" if score is None else f"{score:.4f}"
        rows.append(f"| {number} | {_cell(name)} | {shown} | {iou} |")
    table = "\n".join(rows)
    return (
        f"## Classes\n\nIoU of the network before it was exported, "
        f"{_score(metadata['mean_iou'])} in the mean, on {metadata['images']} images "
        f"({metadata['split']}).\n\n| id | class | colour | IoU |\n|---|---|---|---|\n"
        f"{table}\n\nIn the masks that it was trained on, {metadata['ignore_label']} "
        "stands for no label; it never gives that."
    )


def _training(metadata):
    size = metadata.get("image_size")
    resized = (
        f" Its images were resized to {size[0]} x {size[1]} pixels (height x width); "
        "resize others likewise."
        if size
        else ""
    )
    trained = f"Trained on {metadata['dataset']}, {metadata['step']} steps."
    return f"## Training\n\n{trained}{resized}"


def _costs(metadata):
    macs = metadata["macs"]
    height, width = macs["size"]
    return (
        f"## Costs\n\n{metadata['parameters']:,} parameters. An image of {height} x "
        f"{width} pixels (height x width) takes {macs['network'] / 1e6:,.1f} million "
        f"multiply-accumulates; the whole search space, "
        f"{macs['supernet'] / 1e6:,.1f} million."
    )


def _agreement(metadata):
    check = metadata.get("check")
    if check is None:
        return "## Agreement with the network\n\nNot compared."
    unit = "" if metadata["scores"] == "probabilities" else " of the largest"
    network = _score(check["mean_iou_of_network"])
    difference = check["max_logit_difference"]
    of_scores = (
        ""
        if difference is None
        else f"; scores differ by at most {difference:.1e}{unit}"
    )
    return (
        f"## Agreement with the network\n\nOn {check['images']} images, "
        f"{check['label_agreement']:.4%} of the labels are the network's; mIoU "
        f"{_score(check['mean_iou'])}, the network's {network}{of_scores}."
    )


def _use(metadata):
    height, width = metadata["size"] or ("height", "width")
    batch = 1 if metadata["format"] == "tflite" else "batch"
    classes = len(metadata["class_names"])
    shape = f"({batch}, {height}, {width}, {classes})"
    outputs = [f"`labels`: int32 ({batch}, {height}, {width}), ids of classes"]
    names = metadata.get("outputs", ["labels", metadata["scores"]])[1:]
    outputs += [f"`{name}`: float32 {shape}" for name in names]
    return (
        f"## Use\n\nInput `image`: uint8 ({batch}, {height}, {width}, 3), RGB as it "
        "comes from a file; normalisation and padding are inside.\n\n"
        f"Outputs {'; '.join(outputs)}.\n\n"
        f"```python\n{_CALLS[metadata['format']]}\n```"
    )


def _limits(metadata):
    size = (
        "It takes images of one size; resize others, or cut them into windows."
        if metadata["size"]
        else "It takes images of any size."
    )
    return (
        "## Limits\n\nThe scores hold for images like those that it was scored on; "
        "other cameras, places or weather were not tried. It gives every pixel a "
        f"class, also what belongs to none. {size}"
    )


def _versions(metadata):
    rows = "\n".join(f"- {name} {text}" for name, text in metadata["versions"].items())
    return f"## Versions\n\n{rows}"


def _score(score):
    return "unknown" if score is None else f"{score:.4f}"


def _cell(text):
    """A name as a table's cell."""
    return " ".join(text.replace("|", "\\|").split())
