"""Run folders as a training leaves them, without one, and what a page consists of."""

import html.parser
import json

import numpy as np
from PIL import Image

from selene_tf.architectures import RoutingArchitecture, routing_path, topology
from selene_tf.evaluation import evaluate, image_scores, report, summary
from selene_tf.search import discover

CLASSES = ("road", "tree", "car")
NUM_LAYERS, SIZE, IMAGES = 3, (64, 96), 12


def results(share):
    """An `Evaluation` of twelve images, of which a share of each class is right."""
    rng = np.random.default_rng(0)
    shares = np.clip(share + rng.uniform(-0.1, 0.1, IMAGES), 0, 1)
    confusions = np.zeros((IMAGES, 3, 3), int)
    for image, right in zip(confusions, shares, strict=True):
        np.fill_diagonal(image, round(1000 * right))
        image[:, 0] += 1000 - image.sum(1)
    gates = 0.8 * topology.all_routes(NUM_LAYERS)[None].repeat(IMAGES, 0)
    gates[:2, 1, 1] = 0
    sizes = np.tile(SIZE, (IMAGES, 1))
    return evaluate.Evaluation(confusions, gates.astype("float32"), sizes)


def write_run(folder, share=0.7, classes=CLASSES, is_finished=True, flags=()):
    """A run's folder; of an unfinished one the beginning."""
    folder.mkdir(parents=True)
    settings = {"algorithm": "mean_teacher", "steps": "40", **dict(flags)}
    lines = [f"--{name}={value}" for name, value in settings.items()]
    (folder / "config.cfg").write_text("\n".join(lines) + "\n")
    (folder / "classes.json").write_text(json.dumps({"class_names": list(classes)}))
    _write_log(folder)
    if is_finished:
        _write_end(folder, share, classes)
    return folder


def _write_log(folder):
    lines = []
    for step in range(10, 41, 10):
        losses = {"loss": 3 / step, "supervised": 2 / step, "consistency": 1 / step}
        lines.append({"step": step, **losses, "learning_rate": 0.1, "skipped_steps": 1})
        scores = {"mean_iou": step / 80, "mean_iou_student": step / 90}
        lines.append({"step": step, **scores, "mean_iou_teacher": step / 80})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    # A kill may leave half a line.
    (folder / "log.jsonl").write_text(text + '{"step": 5')


def _write_end(folder, share, classes):
    result = results(share)
    architecture = RoutingArchitecture(len(classes), channels=4, num_layers=NUM_LAYERS)
    content = summary.summary(
        {"student": results(share / 2), "teacher": result},
        "teacher",
        classes,
        architecture,
    )
    content["seconds"] = 12.0
    (folder / "summary.json").write_text(json.dumps(content))
    image_scores.write(folder / "image_scores.npz", result, block=1)
    path = discover.discover(result.gates, architecture, SIZE)
    (folder / "path.json").write_text(json.dumps(routing_path.to_json(path)))
    examples = folder / "examples"
    examples.mkdir()
    Image.new("RGB", (64, 48), "red").save(examples / "best_00003.png")
    image = {"kind": "best", "number": 3, "name": "street.png", "mean_iou": 0.75}
    colours = {name: [50 * place, 90, 10] for place, name in enumerate(classes)}
    images = [{**image, "file": "best_00003.png"}]
    content = json.dumps({"images": images, "colours": colours})
    (examples / "examples.json").write_text(content)
    check = {"label_agreement": 0.9981, "mean_iou": 0.5}
    export = {"file": "a.tflite", "format": "tflite", "quantization": "int8"}
    export |= {"bytes": 450_000, "check": check, "latency_ms": 3.5}
    (folder / "exports.jsonl").write_text(json.dumps(export) + "\n")


def written(folders, folder, **options):
    report.write(folders, folder / "report.html", **options)
    return (folder / "report.html").read_text()


class Outline(html.parser.HTMLParser):
    """Headings, ids, and whether every element is closed."""

    VOID = ("meta", "img", "br", "path", "use", "circle", "rect", "line")

    def __init__(self):
        super().__init__()
        self.open, self.headings, self.ids, self.sources, self.tags = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.sources += [values[k] for k in ("src", "href") if k in values]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append(data)


def outline(text):
    parser = Outline()
    parser.feed(text)
    assert parser.open == []
    return parser
